--[[
  offers: which rep gets a lead, what happens when one is lost, who waits and who is served next. The model's twin is
  domain/ledger/offers.py, where the three rules are told.

  A waiting lead stands in one index: that of its lane (the tuple of its steps), of the steps that time has opened, and
  of whether anybody was tried for it (shelf `2` or `2t`; `p` for the parked).
  "Nobody on duty in this step" opens the next one for the whole lane and moves nothing. It stands in the index of each
  of its owners too.
]]
local offers = {}

local function untried_on_duty(lead, audience)
  local count = redis.call("SCARD", P .. "on:" .. audience)
  for id in pairs(lead.tried) do count = count - redis.call("SISMEMBER", P .. "on:" .. audience, id) end
  return count > 0
end

-- How many steps are open; with 'timed' also those that the lead is old enough for
function offers.reach(lead, timed)
  local opened = lead.reach
  while opened < #lead.step_list do
    local step = lead.step_list[opened]
    local widen = opt(step.widen_after)
    local aged = not widen or (timed and now >= lead.submitted + widen)
    if not aged and untried_on_duty(lead, step.audience) then break end
    opened = opened + 1
  end
  return opened
end

local function size(set)
  local n = 0
  for _ in pairs(set) do n = n + 1 end
  return n
end

-- Up to 'count' free reps of an audience who have not been tried, in the order they are offered the lead
local function untried_free(lead, audience, count)
  local out = {}
  for _, id in ipairs(reps.free(audience, count + size(lead.tried))) do
    if not lead.tried[id] and #out < count then out[#out + 1] = id end
  end
  return out
end

-- The owner of the lead, where 'id' is one and could take it now
local function owner(lead, id)
  for _, known in ipairs(lead.owners) do
    local rep = known == id and reps.get(id)
    if rep and reps.may_own(rep) then return rep end
  end
  return nil
end

-- The first step whose audience the rep is in
function offers.home(lead, id)
  for index, step in ipairs(lead.step_list) do
    if reps.is_in(step.audience, id) then return index end
  end
  return nil
end

-- May the rep, who was tried, take the lead now, and by which of the 'opened' steps?
local function able(lead, opened, id)
  if owner(lead, id) then return true, offers.home(lead, id) end
  for index = 1, math.min(opened, #lead.step_list) do
    if reps.is_free(lead.step_list[index].audience, id) then return true, index end
  end
  return false
end

-- Who gets the lead: an owner, or somebody within the 'opened' steps; of those tried only one in 'again' (true: any);
-- nil: nobody now
function offers.pick(lead, opened, again)
  for _, id in ipairs(lead.owners) do
    local rep = not lead.tried[id] and owner(lead, id)
    if rep then return { step = offers.home(lead, id), rep = rep, opened = opened } end
  end
  for index = 1, math.min(opened, #lead.step_list) do
    local first = untried_free(lead, lead.step_list[index].audience, 1)[1]
    if first then return { step = index, rep = reps.get(first), opened = opened } end
  end
  if not next(lead.tried) then return nil end
  for _, step in ipairs(lead.step_list) do
    if untried_on_duty(lead, step.audience) then return nil end
  end
  local best
  for id, at in pairs(lead.tried) do
    local sooner = not best or at < best.at or (at == best.at and id < best.id)
    if sooner and (again == true or again[id]) and now >= at + limit("retry_after") then
      local yes, index = able(lead, opened, id)
      if yes then best = { at = at, id = id, step = index } end
    end
  end
  return best and { step = best.step, rep = reps.get(best.id), opened = opened }
end

-- Could another rep than the holder take the lead in this same call?
function offers.somebody_else(lead)
  if lead.tries + 1 >= limit("max_attempts") then return false end
  local tried, reach, holder = lead.tried[lead.rep], lead.reach, lead.rep
  lead.tried[holder], lead.reach = now, 1
  local choice = offers.pick(lead, offers.reach(lead, true), true)
  lead.tried[holder], lead.reach = tried, reach
  return choice ~= nil
end

local function code(lead, id, current)
  local rep = reps.get(id)
  local own = reps.obstacle(rep)
  if own then return own end
  local index = offers.home(lead, id)
  if not index then return "no_match" end
  if lead.tried[id] then return "already_tried" end
  return index <= current and "eligible" or "later_step"
end

-- {rep, code}: who gets the lead, those next in line in the same step, then the others and why not; at most 20
local function candidates(lead, choice)
  local out, listed, current = { { choice.rep.id, "eligible" } }, { [choice.rep.id] = true }, choice.opened
  local put = function(id, why)
    if not listed[id] and #out < SHOWN then
      listed[id] = true
      out[#out + 1] = { id, why }
    end
  end
  for _, id in ipairs(lead.owners) do
    if not lead.tried[id] and owner(lead, id) then put(id, "eligible") end
  end
  for index = 1, math.min(choice.opened, #lead.step_list) do
    local free = untried_free(lead, lead.step_list[index].audience, SHOWN)
    if #free > 0 then
      current = index
      for _, id in ipairs(free) do put(id, "eligible") end
      break
    end
  end
  for _, step in ipairs(lead.step_list) do
    for _, id in ipairs(reps.pool(step.pool)) do
      if #out >= SHOWN then return out end
      if not listed[id] then put(id, code(lead, id, current)) end
    end
  end
  return out
end

-- A fact for lead-assignments, with the next sequence where none was taken for it
function offers.assignment(lead, kind, more)
  local values = {
    at = now, lead = lead.id, sub = lead.sub, attempt = lead.attempt,
    rep = lead.rep, route = lead.route, step = lead.step, pool = lead.pool, submitted = lead.submitted,
    touch_by = leads.touch_by(lead), accept_by = lead.accept_by, policy = lead.policy,
  }
  for name, value in pairs(more or {}) do values[name] = value end
  values.seq = values.seq or redis.call("INCR", P .. "seq")
  fact(kind, values)
end

function offers.notify(lead, kind, role, to, about, card)
  if not to then return end
  fact("notify", {
    kind = kind, role = role, to = to, at = now, lead = lead.id, sub = lead.sub, attempt = lead.attempt,
    touch_by = leads.touch_by(lead), about = about, card = card or leads.card(lead),
  })
end

-- Take the lead out of the queue's indexes, where it stands in one
function offers.leave_queue(lead)
  if not lead.place then return end
  local shelf, key = string.match(lead.place, "^([^:]+):(.*)$")
  redis.call("ZREM", P .. "q:" .. lead.lane .. ":" .. shelf, key)
  redis.call("ZREM", P .. "tried", key)
  for _, id in ipairs(lead.owners) do redis.call("ZREM", P .. "own:" .. id, key) end
  redis.call("ZREM", P .. "waiting", lead.id)
  lead.place = nil
end

-- Stand where step, urgency and priority now say; call it again after any of them changed
function offers.stand(lead)
  offers.leave_queue(lead)
  if lead.state ~= "waiting" then return end
  local key = leads.queue_key(lead)
  local shelf = lead.parked and "p" or lead.reach .. (next(lead.tried) and "t" or "")
  redis.call("ZADD", P .. "q:" .. lead.lane .. ":" .. shelf, 0, key)
  redis.call("ZADD", P .. "waiting", lead.submitted, lead.id)
  if next(lead.tried) and not lead.parked then redis.call("ZADD", P .. "tried", 0, key) end
  for _, id in ipairs(lead.owners) do redis.call("ZADD", P .. "own:" .. id, 0, key) end
  lead.place = shelf .. ":" .. key
end

-- An owner from outside the steps has as long to accept as a rep of the first one
function offers.assign(lead, choice)
  local rep, index = choice.rep, choice.step
  local known = candidates(lead, choice)
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
  local turn = redis.call("INCR", P .. "seq")
  reps.charge(rep, turn)
  reps.refresh(rep)
  redis.call("ZADD", P .. "theirs:" .. rep.id, now, lead.id)
  offers.stand(lead)
  leads.save(lead)
  offers.assignment(lead, "assigned", { seq = turn, cands = known, considered = lead.considered })
  offers.notify(lead, "assigned", "rep", rep.id, "")
end

-- The rep is the last one who had the lead, and its company
function offers.own(lead, id)
  lead.last_rep = id
  if lead.company then redis.call("SET", P .. "acct:" .. lead.company, id, "EX", KEEP) end
end

-- Give the lead to this very rep, in the steps or not
function offers.assign_to(lead, rep)
  offers.assign(lead, { step = offers.home(lead, rep.id), rep = rep, opened = offers.reach(lead, true) })
end

-- Take the lead out of its rep's hands; the rep has one place more
function offers.let_go(lead)
  local holder = reps.get(lead.rep)
  holder.load = holder.load - 1
  redis.call("ZREM", P .. "theirs:" .. holder.id, lead.id)
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

local function queue(lead)
  lead.state = "waiting"
  lead.reach = lead.parked and #lead.step_list or offers.reach(lead, true)
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
  offers.stand(lead)
  leads.save(lead)
end

-- Assign the lead if anybody can take it now, else let it wait
function offers.offer(lead)
  local choice = not lead.parked and offers.pick(lead, offers.reach(lead, true), true)
  if choice then
    offers.assign(lead, choice)
  elseif lead.state ~= "waiting" then
    queue(lead)
  end
end

-- Take the lead from its rep and give it to the next, or let it wait; 'rep_unavailable' is no try
function offers.unassign(lead, reason)
  offers.assignment(lead, "unassigned", { reason = reason })
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
  lead.reach = offers.reach(lead, true)
  offers.offer(lead)
  if lead.state == "waiting" then
    arm(lead)
    offers.stand(lead)
    leads.save(lead)
  end
end

-- End what runs for the lead, free its rep and serve the queue
function offers.finish(lead, state)
  clocks.cancel_all(lead)
  local holder = lead.rep and offers.let_go(lead)
  lead.state = state
  offers.stand(lead)
  leads.save(lead)
  redis.call("ZREM", P .. "open", lead.id)
  redis.call("HINCRBY", P .. "laneuse", lead.lane, -1)
  redis.call("EXPIRE", P .. "card:" .. lead.id, KEEP_CARD)
  if holder then offers.settle({ holder }, false) end
end

local function head(index)
  return redis.call("ZRANGE", index.key, index.after and "(" .. index.after or "-", "+", "BYLEX", "LIMIT", 0, 1)[1]
end

-- The indexes that leads wait in for any of the audiences of 'them'
local function indexes(them, with_parked)
  local seen, out = {}, {}
  for _, rep in ipairs(them) do
    for _, audience in ipairs(reps.audiences(rep.id)) do
      for _, lane in ipairs(redis.call("SMEMBERS", P .. "lanes:" .. audience)) do
        if not seen[lane] then
          seen[lane] = true
          local steps = tonumber(redis.call("GET", P .. "lane:" .. lane))
          for k = 1, steps do
            out[#out + 1] = { key = P .. "q:" .. lane .. ":" .. k }
            out[#out + 1] = { key = P .. "q:" .. lane .. ":" .. k .. "t" }
          end
          if with_parked then out[#out + 1] = { key = P .. "q:" .. lane .. ":p" } end
        end
      end
    end
    out[#out + 1] = { key = P .. "own:" .. rep.id }
  end
  return out
end

local function turned_takes(lead, turned)
  if not turned or reps.obstacle(turned) then return nil end
  local index = offers.home(lead, turned.id)
  return (index or owner(lead, turned.id)) and { step = index, rep = turned, opened = #lead.step_list }
end

--[[
  Serve the queue, in its order, until nobody who is free may take a lead that waits.
    them     those who changed; only their lanes can have become servable
    left     somebody of them has gone off duty: also those already tried may now be the only ones there
    turned   the one whose status has just turned to available, who may take what has had all its attempts
  Where a lead that nobody was tried for finds nobody, the rest of its index will not either: their owners, if they
  changed, have indexes of their own.
]]
function offers.settle(them, left, turned)
  if redis.call("EXISTS", P .. "waiting") == 0 then return end
  local again = left
  if not left then
    again = {}
    for _, rep in ipairs(them) do again[rep.id] = true end
  end
  local open = indexes(them, turned ~= nil)
  if left then open[#open + 1] = { key = P .. "tried" } end
  while #open > 0 do
    local best
    for i = #open, 1, -1 do
      open[i].head = open[i].head or head(open[i])
      if not open[i].head then table.remove(open, i) end
    end
    for i, index in ipairs(open) do
      if not best or index.head < open[best].head then best = i end
    end
    if not best then return end
    local index = open[best]
    local lead = leads.get(leads.of_key(index.head))
    local choice
    if lead.state ~= "waiting" then
      choice = nil -- taken through another index of this call
    elseif lead.parked then
      choice = turned_takes(lead, turned)
    else
      choice = offers.pick(lead, offers.reach(lead, false), again)
    end
    if choice then offers.assign(lead, choice) end
    if choice or lead.parked or next(lead.tried) or lead.state ~= "waiting" then
      index.after, index.head = index.head, nil
    else
      table.remove(open, best)
    end
  end
end
