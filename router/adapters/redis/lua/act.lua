--[[
  act: what a rep did about a lead. Accept, decline and release count only from the holder on the live attempt; a touch
  counts from anybody; accept of a waiting lead takes it. Who speaks of a lead that is not theirs is told `superseded`.

  The item's fields are those of domain/ledger/verbs.py Act.
  Answers done | repeat | unknown_lead | unknown_rep.
]]
local function accept(lead, item)
  if lead.state == "accepted" then return end
  lead.state = "accepted"
  lead.accept_ms = now - lead.assigned_at
  lead.accept_by = nil
  clocks.cancel(lead, "accept", "remind")
  local rep = reps.get(item.rep_id)
  rep.misses = 0
  reps.save(rep)
  leads.save(lead)
  offers.assignment(lead, "accepted", field("acted", math.min(item.at, now)))
end

local function touch(lead, item)
  local acted = math.min(math.max(item.at, lead.submitted), now)
  offers.assignment(lead, "touched", field("acted", acted) .. field("channel", opt(item.channel)), item.rep_id)
  clocks.touched(lead, acted)
  if lead.rep == item.rep_id then
    local rep = reps.get(item.rep_id)
    rep.misses = 0
    reps.save(rep)
  end
  offers.own(lead, item.rep_id)
  offers.finish(lead, "touched")
end

function verbs.act(item)
  if not once(P .. "act:act:" .. item.action_id, KEEP_ACTIONS) then return "repeat" end
  local lead = leads.get(item.lead_id)
  if not lead then return not_yet("unknown_lead") end
  local rep = reps.get(item.rep_id)
  if not rep then return not_yet("unknown_rep") end
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
      queue.settle({ rep }, false)
    end
    return "done"
  end
  if item.action == "accept" and lead.state == "waiting" and rep.active and rep.load < rep.capacity then
    offers.assign_to(lead, rep)
    accept(lead, item)
    return "done"
  end
  offers.notify(lead, "superseded", "rep", item.rep_id, item.action_id)
  return "done"
end
