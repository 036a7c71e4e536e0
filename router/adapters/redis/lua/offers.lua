--[[
  offers: a lead is given to a rep, taken back, or left to wait. The model's twin is domain/ledger/offers.py.
]]
-- A fact for lead-assignments, with the next sequence; 'more' is its other fields, as JSON, and 'rep' who is not the
-- lead's own
function offers.assignment(lead, kind, more, rep)
  tell('{"t":"' .. kind .. '","seq":' .. whole(later.turn()) .. ',"at":' .. whole(now) .. field("lead", lead.id)
    .. field("sub", lead.sub) .. field("attempt", lead.attempt) .. field("rep", rep or lead.rep)
    .. field("route", lead.route) .. field("step", lead.step) .. field("pool", lead.pool)
    .. field("submitted", lead.submitted) .. field("touch_by", leads.touch_by(lead)) .. field("accept_by", lead.accept_by)
    .. field("policy", lead.policy) .. (more or "") .. "}")
end

function offers.notify(lead, kind, role, to, about, card)
  if not to then return end
  tell('{"t":"notify","kind":"' .. kind .. '","role":"' .. role .. '","at":' .. whole(now) .. field("to", to)
    .. field("lead", lead.id) .. field("sub", lead.sub) .. field("attempt", lead.attempt)
    .. field("touch_by", leads.touch_by(lead)) .. field("about", about) .. ',"card":' .. (card or leads.card(lead)) .. "}")
end

-- An owner from outside the steps has as long to accept as a rep of the first one
function offers.assign(lead, choice)
  local rep, index = choice.rep, choice.step
  local known, named = choices.candidates(lead, choice)
  local step = index and lead.step_list[index]
  local within = opt((step or lead.step_list[1]).accept_within)
  if lead.state ~= "seen" then clocks.cancel(lead, "widen", "retry", "accept", "remind") end
  lead.unheld_ms = lead.unheld_ms + math.max(0, now - lead.unheld_since)
  lead.attempt = lead.attempt + 1
  lead.state, lead.parked = "held", false
  lead.rep = rep.id
  lead.step, lead.pool = index, step and step.pool or nil
  lead.assigned_at, lead.accept_ms = now, 0
  lead.accept_by = within and now + within or nil
  if within then
    clocks.set("accept", lead, lead.accept_by)
    clocks.set("remind", lead, now + math.floor(within / 2))
  end
  offers.own(lead, rep.id)
  if step and reps.audience(step.audience).strategy == "weighted_round_robin" then reps.advance_pass(rep, step.pool) end
  local looked_at = math.max(lead.considered, named) -- the pools, and who is named from outside them
  offers.assignment(lead, "assigned", field("considered", looked_at) .. ',"cands":' .. known)
  reps.charge(rep)
  reps.refresh(rep)
  later.put(P .. "theirs:" .. rep.id, lead.id, now)
  queue.stand(lead)
  leads.save(lead)
  offers.notify(lead, "assigned", "rep", rep.id, "")
end

-- The rep is the last one who had the lead, and its company
function offers.own(lead, id)
  lead.last_rep = id
  if lead.company and cache.company[lead.company] ~= id then
    cache.company[lead.company] = id
    redis.call("SET", P .. "acct:" .. lead.company, id, "EX", KEEP)
  end
end

-- Give the lead to this very rep, in the steps or not
function offers.assign_to(lead, rep)
  offers.assign(lead, { step = choices.home(lead, rep.id), rep = rep, opened = choices.reach(lead, true) })
end

-- Take the lead out of its rep's hands; the rep has one place more
function offers.let_go(lead)
  local holder = reps.get(lead.rep)
  holder.load = holder.load - 1
  later.drop(P .. "theirs:" .. holder.id, lead.id)
  clocks.cancel(lead, "accept", "remind")
  lead.accept_by, lead.rep, lead.step, lead.pool = nil, nil, nil, nil
  lead.unheld_since = now
  reps.refresh(holder)
  return holder
end

-- Set the timers by which a waiting lead is looked at again: its next step, and those already tried
local function arm(lead)
  local widen = opt(lead.step_list[lead.reach].widen_after)
  if lead.reach < #lead.step_list and widen then clocks.set("widen", lead, lead.submitted + widen) end
  if next(lead.tried) then
    local soonest = now + limit("retry_after")
    for _, at in pairs(lead.tried) do
      local due = at + limit("retry_after")
      if due > now then soonest = math.min(soonest, due) end
    end
    clocks.set("retry", lead, soonest)
  end
end

local function wait(lead)
  lead.state = "waiting"
  lead.reach = lead.parked and #lead.step_list or choices.reach(lead, true)
  offers.assignment(lead, "queued")
  if not lead.parked then arm(lead) end
  local somebody = false
  for _, step in ipairs(lead.step_list) do
    somebody = somebody or redis.call("SCARD", P .. "hrs:" .. step.audience) > 0
  end
  if not somebody and not lead.told_nobody then
    lead.told_nobody = true
    offers.notify(lead, "no_rep_available", "manager", lead.escalate_to, "nobody")
  end
  queue.stand(lead)
  leads.save(lead)
end

-- Assign the lead if anybody can take it now, else let it wait
function offers.offer(lead)
  local choice = not lead.parked and choices.pick(lead, choices.reach(lead, true), true)
  if choice then
    offers.assign(lead, choice)
  elseif lead.state ~= "waiting" then
    wait(lead)
  end
end

-- Take the lead from its rep and give it to the next, or let it wait; 'rep_unavailable' is no try
function offers.unassign(lead, reason)
  offers.assignment(lead, "unassigned", field("reason", reason))
  if reason ~= "declined" and reason ~= "released" then offers.notify(lead, "unassigned", "rep", lead.rep, reason) end
  local holder = offers.let_go(lead)
  lead.reach = 1
  if reason ~= "rep_unavailable" then
    lead.tried[holder.id] = now
    lead.tries = lead.tries + 1
    if lead.tries >= limit("max_attempts") then
      lead.parked = true
      offers.notify(lead, "no_rep_available", "manager", lead.escalate_to, "attempts:" .. lead.attempt)
    end
  end
  offers.offer(lead)
end

-- A timer of a waiting lead: open what is due to open, then offer it
function offers.look_again(lead)
  lead.reach = choices.reach(lead, true)
  offers.offer(lead)
  if lead.state == "waiting" then
    arm(lead)
    queue.stand(lead)
    leads.save(lead)
  end
end

-- End what runs for the lead, free its rep and serve the queue
function offers.finish(lead, state)
  clocks.cancel_all(lead)
  local holder = lead.rep and offers.let_go(lead)
  lead.state = state
  queue.stand(lead)
  leads.save(lead)
  later.drop(P .. "open", lead.id)
  later.add(P .. "laneuse", lead.lane, -1)
  later.expire(P .. "card:" .. lead.id, KEEP_CARD)
  if holder then queue.settle({ holder }, false) end
end
