--[[
  tick: fire the timers of leads that are due, the oldest first, at most `limit` of them; then give up the leads that
  are too old, as many at most.

  Answers done, or more where others are due still.
]]
-- Nobody accepted in time: the next one's turn; who misses several in a row is set away, and that is published
local function missed(lead)
  local rep = reps.get(lead.rep)
  rep.misses = rep.misses + 1
  if rep.misses < limit("misses_before_away") or rep.status == "away" or rep.status == "offline" then
    reps.save(rep)
    offers.unassign(lead, "accept_timeout")
    queue.settle({ rep }, false)
    return
  end
  rep.misses = 0
  rep.status, rep.seen_at, rep.ahead = "away", now, 0
  expire_at(rep, 0)
  reps.refresh(rep)
  fact("presence", { rep = rep.id, status = "away", at = now })
  offers.unassign(lead, "accept_timeout")
  take_back(rep)
  queue.settle({ rep }, true)
end

function verbs.tick(item)
  later.write(P .. "timers")
  local due = redis.call("ZRANGE", P .. "timers", "-inf", now, "BYSCORE", "LIMIT", 0, item.limit + 1)
  for i = 1, math.min(#due, item.limit) do
    local member = due[i]
    if not later.touched(P .. "timers", member) then -- else it was cleared or moved by one that fired before it
      later.drop(P .. "timers", member)
      local kind, id = unpack_timer(member)
      local lead = leads.get(id)
      if kind == "accept" then
        missed(lead)
      elseif kind == "breach" then
        breaches.breach(lead)
      elseif kind == "remind" then
        breaches.remind(lead)
      elseif kind == "late" then
        lead.overdue = true
        queue.stand(lead)
        leads.save(lead)
      elseif kind == "widen" or kind == "retry" then
        offers.look_again(lead)
      else
        breaches.warn(lead, tonumber(string.sub(kind, 5)))
      end
    end
  end
  later.write(P .. "open")
  local old = redis.call("ZRANGE", P .. "open", "-inf", now - limit("max_age"), "BYSCORE", "LIMIT", 0, item.limit + 1)
  for i = 1, math.min(#old, item.limit) do breaches.abandon(leads.get(old[i])) end
  return (#due > item.limit or #old > item.limit) and "more" or "done"
end
