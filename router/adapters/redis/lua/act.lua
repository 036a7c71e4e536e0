--[[
  act: what a rep did about a lead. Accept, decline and release count only from the holder on the live attempt; a touch
  counts from anybody; accept of a waiting lead takes it. Who speaks of a lead that is not theirs is told `superseded`.

  The item's fields are those of domain/ledger/verbs.py Act.
  Answers done | repeat | unknown_lead | unknown_rep.
]]
local KEEP_ACTIONS = 30 * 86400 -- seconds
local KEEP_CARD = 30 * 86400

-- End what runs for the lead, free its rep and serve the queue
local function finish(lead, state)
  clocks.cancel_all(lead)
  local holder = lead.rep and offers.let_go(lead)
  lead.state = state
  offers.stand(lead)
  leads.save(lead)
  redis.call("EXPIRE", P .. "card:" .. lead.id, KEEP_CARD)
  if holder then offers.settle({ holder }, false) end
end

local function accept(lead, item)
  if lead.state == "accepted" then return end
  lead.state = "accepted"
  lead.accept_ms = now - lead.assigned_at
  lead.accept_by = nil
  clocks.cancel(lead, "accept")
  local rep = reps.get(item.rep_id)
  rep.misses = 0
  reps.save(rep)
  leads.save(lead)
  offers.assignment(lead, "accepted", { acted = math.min(item.at, now) })
end

local function touch(lead, item)
  local acted = math.min(math.max(item.at, lead.submitted), now)
  offers.assignment(lead, "touched", { rep = item.rep_id, acted = acted, channel = opt(item.channel) })
  clocks.touched(lead, acted)
  if lead.rep == item.rep_id then
    local rep = reps.get(item.rep_id)
    rep.misses = 0
    reps.save(rep)
  end
  finish(lead, "touched")
end

function verbs.act(item)
  if not once(P .. "act:act:" .. item.action_id) then return "repeat" end
  local lead = leads.get(item.lead_id)
  if not lead then return "unknown_lead" end
  local rep = reps.get(item.rep_id)
  if not rep then return "unknown_rep" end
  redis.call("SET", fence, "1", "EX", KEEP_ACTIONS)
  local is_open = leads.is_open(lead)
  if is_open and item.at < lead.opened - STALE then return "done" end
  if item.action == "touch" then
    if is_open then touch(lead, item) end
    return "done"
  end
  local attempt = opt(item.attempt)
  if lead.rep == item.rep_id and (not attempt or attempt == lead.attempt) then
    if item.action == "accept" then
      accept(lead, item)
    else
      offers.unassign(lead, item.action == "decline" and "declined" or "released")
      offers.settle({ rep }, false)
    end
    return "done"
  end
  if item.action == "accept" and lead.state == "waiting" and rep.active and rep.load < rep.capacity then
    assign_to(lead, rep)
    accept(lead, item)
    return "done"
  end
  offers.notify(lead, "superseded", "rep", item.rep_id, item.action_id)
  return "done"
end
