--[[
  place: settle where a decided submission goes - to sales (assigned or waiting), attached to an open lead, or as the
  decision proposes. Safe to repeat: a submission_id counts once. The model's twin is domain/ledger/place.py.

  The item's fields are those of domain/ledger/verbs.py Place.
  Answers done | repeat | unknown_audience.
]]
local verbs = {}

local STAGES = { rejected = 1, lead = 2, mql = 3, iql = 4, sql = 5 }

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

-- Count the lead in its lane, and keep the lane's audiences in use
local function enter_lane(lead)
  know_lane(lead.lane, lead.step_list)
  redis.call("HINCRBY", P .. "laneuse", lead.lane, 1)
  for _, step in ipairs(lead.step_list) do redis.call("ZADD", P .. "used", now, step.audience) end
end

local function add(ids, id)
  for _, known in ipairs(ids) do
    if known == id then return end
  end
  ids[#ids + 1] = id
end

-- Let the lead go the way that this submission was decided to go
local function route(lead, item)
  lead.policy, lead.route, lead.step_list = item.policy_version, opt(item.route), item.steps
  lead.stage, lead.priority = item.stage, item.priority
  lead.escalate_to, lead.considered, lead.company = opt(item.escalate_to), item.considered, opt(item.company)
  lead.lane = lane_of(item.steps)
  enter_lane(lead)
  cache.card[lead.id] = item.card
  redis.call("SET", P .. "card:" .. lead.id, item.card)
  local account = lead.company and item.sticky_account and redis.call("GET", P .. "acct:" .. lead.company)
  if account then add(lead.owners, account) end
end

-- Start anew under this submission; `attempt` goes on
local function open(old, item)
  local last = old and old.last_rep
  local lead = {
    id = item.lead_id, first = old and old.first or now, state = "seen", attempt = old and old.attempt or 0,
    last_rep = last, owners = last and { last } or {}, sub = item.submission_id, submitted = item.submitted_at,
    received = item.received_at, decided = item.decided_at, clock = opt(item.clock), opened = now,
    unheld_since = math.min(item.decided_at, now), assigned_at = 0, accept_ms = 0, unheld_ms = 0, reach = 1, tries = 0,
    tried = {}, warned = {}, parked = false, overdue = false, breached = false, told_nobody = false,
  }
  cache.lead[lead.id] = lead
  route(lead, item)
  redis.call("ZADD", P .. "open", lead.submitted, lead.id)
  clocks.start(lead)
  offers.offer(lead)
  if lead.clock and lead.clock.due_at <= now then
    breaches.tell(lead)
    leads.save(lead)
  end
end

local function is_more(item, lead)
  return STAGES[item.stage] > STAGES[lead.stage] or item.priority > lead.priority
end

-- The clock after lifting, and whether it is another one; what was promised is never put off
local function lifted(lead, item, waits)
  local old, new = lead.clock, opt(item.clock)
  if not new or lead.breached then return old, false end
  if not old or new.due_at < old.due_at then return new, true end
  if not waits then return old, false end
  new.due_at = old.due_at
  return new, true
end

-- Let a repeat that is worth more lift an open lead: one that waits is placed anew, one that is held stays there
local function lift(lead, item)
  local waits = lead.state == "waiting"
  local clock, changed = lifted(lead, item, waits)
  local stage = STAGES[item.stage] > STAGES[lead.stage] and item.stage or lead.stage
  if waits then
    queue.leave(lead)
    redis.call("HINCRBY", P .. "laneuse", lead.lane, -1)
  end
  if changed then
    clocks.stop(lead)
    lead.clock = clock
    clocks.start(lead)
  end
  if waits then
    clocks.cancel(lead, "widen", "retry")
    route(lead, item)
    lead.stage, lead.state, lead.reach = stage, "seen", 1
    offers.offer(lead)
  else
    lead.stage, lead.priority = stage, math.max(lead.priority, item.priority)
    cache.card[lead.id] = item.card
    redis.call("SET", P .. "card:" .. lead.id, item.card)
    leads.save(lead)
  end
  if changed and lead.overdue then
    if waits then
      breaches.tell(lead)
      leads.save(lead)
    else
      breaches.breach(lead)
    end
  end
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
  local attached = lead and leads.is_open(lead) and item.stage ~= "rejected"
  decided(item, attached and "attached" or item.to)
  if attached then
    offers.notify(lead, "repeat", "rep", lead.rep, item.submission_id, item.card)
    if item.to == "sales" and is_more(item, lead) then lift(lead, item) end
  elseif item.to == "sales" then
    open(lead, item)
  elseif not lead then
    lead = { id = item.lead_id, state = "seen", attempt = 0, first = now }
    cache.lead[lead.id] = lead
    leads.save(lead)
  end
  return "done"
end
