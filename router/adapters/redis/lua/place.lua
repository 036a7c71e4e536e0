--[[
  place: settle where a decided submission goes - to sales (assigned or waiting), attached to an open lead, or as the
  decision proposes. Safe to repeat: a submission_id counts once.

  The item's fields are those of domain/ledger/verbs.py Place.
  Answers done | repeat | unknown_audience.
]]
local verbs = {}

local function assign_to(lead, rep)
  offers.assign(lead, { step = offers.home(lead, rep.id), rep = rep, opened = offers.reach(lead, true) })
end

local function tell_breach(lead)
  lead.breached = true
  clocks.sla(lead, "breached", now)
  if lead.rep then offers.notify(lead, "sla_breach", "rep", lead.rep, lead.sub) end
  for _, what in ipairs(lead.clock and lead.clock.on_breach or {}) do
    if what == "notify_manager" then
      local manager = lead.escalate_to
      if lead.rep then manager = reps.get(lead.rep).manager end
      offers.notify(lead, "sla_breach", "manager", manager, lead.sub)
    end
  end
end

-- The lane is the tuple of the steps: their audiences, and which of them can hold the next one back
local function lane_of(steps)
  local parts = {}
  for i, step in ipairs(steps) do parts[i] = step.audience .. (opt(step.widen_after) and "+" or "-") end
  return table.concat(parts, ",")
end

local function know_lane(lane, steps)
  if cache.lanes[lane] then return end
  cache.lanes[lane] = true
  if redis.call("SETNX", P .. "lane:" .. lane, #steps) == 1 then
    for _, step in ipairs(steps) do redis.call("SADD", P .. "lanes:" .. step.audience, lane) end
  end
end

local function fresh(old, item)
  local clock = opt(item.clock)
  return {
    id = item.lead_id, state = "seen", attempt = old and old.attempt or 0, last_rep = old and old.last_rep or nil,
    sub = item.submission_id, route = opt(item.route), policy = item.policy_version, priority = item.priority,
    submitted = item.submitted_at, received = item.received_at, decided = item.decided_at,
    step_list = item.steps, clock = clock, escalate_to = opt(item.escalate_to), considered = item.considered,
    opened = now, unheld_since = math.min(item.decided_at, now), lane = lane_of(item.steps),
    assigned_at = 0, accept_ms = 0, unheld_ms = 0, reach = 1, tries = 0, tried = {}, parked = false, overdue = false,
    breached = false, told_nobody = false,
  }
end

local function decided(item, to)
  fact("decided", { lead = item.lead_id, sub = item.submission_id, to = to, at = now })
end

function verbs.place(item)
  if not once(P .. "sub:" .. item.submission_id) then return "repeat" end
  for _, step in ipairs(item.steps) do
    if not reps.audience(step.audience) then return "unknown_audience" end
  end
  redis.call("SET", fence, "1", "PX", limit("max_age") + DAY)
  local lead = leads.get(item.lead_id)
  if lead and leads.is_open(lead) and item.stage ~= "rejected" then
    decided(item, "attached")
    offers.notify(lead, "repeat", "rep", lead.rep, item.submission_id, item.card)
    return "done"
  end
  decided(item, item.to)
  if item.to ~= "sales" then
    if not lead then
      lead = { id = item.lead_id, state = "seen", attempt = 0 }
      cache.lead[lead.id] = lead
      leads.save(lead)
    end
    return "done"
  end
  lead = fresh(lead, item)
  cache.lead[lead.id] = lead
  cache.card[lead.id] = item.card
  redis.call("SET", P .. "card:" .. lead.id, item.card)
  know_lane(lead.lane, item.steps)
  clocks.start(lead)
  local last = lead.last_rep and reps.get(lead.last_rep)
  if last and not reps.obstacle(last) then assign_to(lead, last) else offers.offer(lead) end
  if lead.clock and lead.clock.due_at <= now then
    tell_breach(lead)
    leads.save(lead)
  end
  return "done"
end
