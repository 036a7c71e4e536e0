--[[
  place: settle where a decided submission goes - to sales (assigned or waiting), attached to an open lead, or as the
  decision proposes. Safe to repeat: a submission_id counts once. The model's twin is domain/ledger/place.py.

  The item's fields are those of adapters/redis/items.py. The texts beside it are passed on and not read: what the lead
  keeps of it (`brought`), what a rep needs to call (`card`, and `quoted` as a JSON string), the decision. The `way` is
  where the decision sends the lead: the same text for many leads, so it is read once.
  Answers done | repeat | unknown_audience.
]]
local verbs = {}

local STAGES = { rejected = 1, lead = 2, mql = 3, iql = 4, sql = 5 }

local function know_lane(lane, steps)
  if cache.lanes[lane] then return end
  cache.lanes[lane] = true
  if redis.call("SETNX", P .. "lane:" .. lane, #steps) == 1 then
    for _, step in ipairs(steps) do redis.call("SADD", P .. "lanes:" .. step.audience, lane) end
  end
end

local function account_of(company)
  if cache.company[company] == nil then cache.company[company] = redis.call("GET", P .. "acct:" .. company) end
  return cache.company[company]
end

-- Count the lead in its lane, and keep the lane's audiences in use
local function enter_lane(lead)
  know_lane(lead.lane, lead.step_list)
  later.add(P .. "laneuse", lead.lane, 1)
  for _, step in ipairs(lead.step_list) do later.put(P .. "used", step.audience, now) end
end

local function add(ids, id)
  for _, known in ipairs(ids) do
    if known == id then return end
  end
  ids[#ids + 1] = id
end

local function put_card(lead, item)
  cache.card[lead.id] = item.quoted
  later.set(P .. "card:" .. lead.id, item.card)
end

-- Let the lead go the way that this submission was decided to go
local function route(lead, item)
  enter_lane(lead)
  put_card(lead, item)
  local account = lead.company and item.sticky_account and account_of(lead.company)
  if account then add(lead.owners, account) end
end

-- Start anew with what this submission brought along; `attempt` goes on
local function open(old, item, way)
  local last = old and old.last_rep or nil
  local lead = {
    id = item.lead_id, first = old and old.first or now, state = "seen", attempt = old and old.attempt or 0,
    erased = old and old.erased or nil,
    last_rep = last, owners = last and { last } or {}, sub = item.sub, submitted = item.submitted,
    received = item.received, decided = item.decided, company = item.company, clock = item.clock,
    policy = way.policy, route = way.route, step_list = way.step_list, lane = way.lane, stage = way.stage,
    priority = way.priority, escalate_to = way.escalate_to, considered = way.considered,
    brought = item.brought .. ",\n" .. string.sub(item.way, 2), opened = now, unheld_since = math.min(item.decided, now), assigned_at = 0,
    accept_ms = 0, unheld_ms = 0, reach = 1, tries = 0, tried = {}, warned = {}, parked = false, overdue = false,
    breached = false, told_nobody = false,
  }
  cache.lead[lead.id] = lead
  route(lead, item)
  later.put(P .. "open", lead.id, lead.submitted)
  clocks.start(lead)
  offers.offer(lead)
  if lead.clock and lead.clock.due_at <= now then
    breaches.tell(lead)
    leads.save(lead)
  end
end

local function is_more(way, lead)
  return STAGES[way.stage] > STAGES[lead.stage] or way.priority > lead.priority
end

-- What the lifted clock counts as open: until 'at', the repeat, what the old one counted
local function spans(old, new, at)
  if not opt(old.open) or not opt(new.open) then return new.open end
  local out = {}
  for _, span in ipairs(old.open) do
    if span[1] < at then out[#out + 1] = { span[1], math.min(span[2], at) } end
  end
  for _, span in ipairs(new.open) do out[#out + 1] = span end
  return out
end

-- The clock after lifting, and whether it is another one; what was promised is never put off
local function lifted(lead, item, waits)
  local old, new = lead.clock, item.clock
  if not new or lead.breached then return old, false end
  if not old then return new, true end
  if old.due_at <= new.due_at and not waits then return old, false end
  new.due_at, new.open = math.min(old.due_at, new.due_at), spans(old, new, item.submitted)
  return new, true
end

-- Let a repeat that is worth more lift an open lead: one that waits is placed anew, one that is held stays there
local function lift(lead, item, way)
  local waits = lead.state == "waiting"
  local clock, changed = lifted(lead, item, waits)
  local stage = STAGES[way.stage] > STAGES[lead.stage] and way.stage or lead.stage
  lead.brought = nil
  if waits then
    queue.leave(lead)
    later.add(P .. "laneuse", lead.lane, -1)
  end
  if changed then
    clocks.stop(lead)
    lead.clock = clock
    clocks.start(lead)
  end
  if waits then
    clocks.cancel(lead, "widen", "retry")
    leads.send(lead, way)
    lead.company = item.company
    route(lead, item)
    lead.stage, lead.state, lead.reach = stage, "seen", 1
    offers.offer(lead)
  else
    lead.stage, lead.priority = stage, math.max(lead.priority, way.priority)
    put_card(lead, item)
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

local function tell_decision(item, to, erased)
  tell('{"t":"decided","at":' .. whole(now) .. field("lead", item.lead_id) .. field("sub", item.sub) .. field("to", to)
    .. (erased and ',"erased":true}' or "}"))
  decided = #facts
end

function verbs.place(item)
  if not once(P .. "sub:" .. item.sub, limit("max_age") + DAY) then return "repeat" end
  local way = read_once(item.way)
  for _, step in ipairs(way.step_list) do
    if not reps.audience(step.audience) then return not_yet("unknown_audience") end
  end
  local lead = leads.get(item.lead_id)
  if lead and lead.erased and item.submitted <= lead.erased then
    tell_decision(item, "none", true)
    return "done"
  end
  local attached = lead and leads.is_open(lead) and way.stage ~= "rejected"
  tell_decision(item, attached and "attached" or item.to)
  if attached then
    offers.notify(lead, "repeat", "rep", lead.rep, item.sub, item.quoted)
    if item.to == "sales" and is_more(way, lead) then lift(lead, item, way) end
  elseif item.to == "sales" then
    open(lead, item, way)
  elseif not lead then
    lead = { id = item.lead_id, state = "seen", attempt = 0, first = now }
    cache.lead[lead.id] = lead
    leads.save(lead)
  end
  return "done"
end
