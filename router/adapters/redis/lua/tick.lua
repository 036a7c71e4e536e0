--[[
  tick: fire the timers of leads that are due, the oldest first, at most `limit` of them.

  Answers done, or more where others are due still.
]]
-- Nobody accepted in time: the next one's turn; who misses several in a row is set away, and that is published
local function missed(lead)
  local rep = reps.get(lead.rep)
  rep.misses = rep.misses + 1
  if rep.misses < limit("misses_before_away") or rep.status == "away" or rep.status == "offline" then
    reps.save(rep)
    offers.unassign(lead, "accept_timeout")
    offers.settle({ rep }, false)
    return
  end
  rep.misses = 0
  rep.status, rep.seen_at = "away", now
  expire_at(rep, 0)
  reps.refresh(rep)
  fact("presence", { rep = rep.id, status = "away", at = now })
  offers.unassign(lead, "accept_timeout")
  take_back(rep)
  offers.settle({ rep }, true)
end

-- The clock ran out: say so, and move the lead on where the target asks for it and somebody else can take it
local function breach(lead)
  lead.overdue = true
  tell_breach(lead)
  offers.stand(lead)
  leads.save(lead)
  local movable = false
  for _, what in ipairs(lead.clock and lead.clock.on_breach or {}) do
    if what == "reassign" and lead.state == "held" then movable = true end
    if what == "reassign_always" and lead.rep then movable = true end
  end
  if movable and offers.somebody_else(lead) then
    local holder = reps.get(lead.rep)
    offers.unassign(lead, "breached")
    offers.settle({ holder }, false)
  end
end

local function warn(lead, index)
  clocks.sla(lead, "warned", now, { threshold = lead.clock.warn_at[index + 1][1] })
  local role, to = "manager", lead.escalate_to
  if lead.rep then
    role, to = "rep", lead.rep
  end
  offers.notify(lead, "sla_warning", role, to, lead.sub .. ":" .. index)
end

function verbs.tick(item)
  local due = redis.call("ZRANGE", P .. "timers", "-inf", now, "BYSCORE", "LIMIT", 0, item.limit + 1, "WITHSCORES")
  for i = 1, math.min(#due, item.limit * 2), 2 do
    local member, at = due[i], due[i + 1]
    if redis.call("ZSCORE", P .. "timers", member) == at then
      redis.call("ZREM", P .. "timers", member)
      local kind, id = unpack_timer(member)
      local lead = leads.get(id)
      if kind == "accept" then
        missed(lead)
      elseif kind == "breach" then
        breach(lead)
      elseif kind == "late" then
        lead.overdue = true
        offers.stand(lead)
        leads.save(lead)
      elseif kind == "widen" or kind == "retry" then
        offers.look_again(lead)
      else
        warn(lead, tonumber(string.sub(kind, 5)))
      end
    end
  end
  return #due > item.limit * 2 and "more" or "done"
end
