--[[
  place: settle where a decided submission goes - to sales (assigned or waiting), attached to an open lead, or as the
  decision proposes. Safe to repeat: a submission_id counts once. The model's twin is domain/ledger/place.py.

  The item's fields are those of adapters/redis/items.py: what only this verb asks for, and as texts what the lead
  keeps (`brought`), what a rep needs to call (`card`, and `quoted` as a JSON string) and the decision.
  Answers done | repeat | unknown_audience.
]]
local verbs = {}

local ROUTED = { "policy", "route", "step_list", "lane", "priority", "escalate_to", "considered", "company" }
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
  know_lane(lead.lane, lead.step_list)
  later.add(P .. "laneuse", lead.lane, 1)
  for _, step in ipairs(lead.step_list) do later.put(P .. "used", step.audience, now) end
  put_card(lead, item)
  local account = lead.company and item.sticky_account and account_of(lead.company)
  if account then add(lead.owners, account) end
end

-- Start anew with what this submission brought along; `attempt` goes on
local function open(old, item, lead)
  local last = old and old.last_rep
  lead.brought, lead.id, lead.state = item.brought, item.lead_id, "seen"
  lead.first, lead.attempt = old and old.first or now, old and old.attempt or 0
  lead.last_rep, lead.owners = last, last and { last } or {}
  lead.opened, lead.unheld_since = now, math.min(lead.decided, now)
  lead.assigned_at, lead.accept_ms, lead.unheld_ms, lead.reach, lead.tries = 0, 0, 0, 1, 0
  lead.tried, lead.warned = {}, {}
  lead.erased = old and old.erased
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

local function is_more(new, lead)
  return STAGES[new.stage] > STAGES[lead.stage] or new.priority > lead.priority
end

-- The clock after lifting, and whether it is another one; what was promised is never put off
local function lifted(lead, fresh, waits)
  local old, new = lead.clock, fresh.clock
  if not new or lead.breached then return old, false end
  if not old or new.due_at < old.due_at then return new, true end
  if not waits then return old, false end
  new.due_at = old.due_at
  return new, true
end

-- Let a repeat that is worth more lift an open lead: one that waits is placed anew, one that is held stays there
local function lift(lead, item, new)
  local waits = lead.state == "waiting"
  local clock, changed = lifted(lead, new, waits)
  local stage = STAGES[new.stage] > STAGES[lead.stage] and new.stage or lead.stage
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
    for _, name in ipairs(ROUTED) do lead[name] = new[name] end
    route(lead, item)
    lead.stage, lead.state, lead.reach = stage, "seen", 1
    offers.offer(lead)
  else
    lead.stage, lead.priority = stage, math.max(lead.priority, new.priority)
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
  tell(string.format('{"t":"decided","lead":%s,"sub":%s,"to":"%s","at":%d%s}', quote(item.lead_id),
    quote(item.submission_id), to, now, erased and ',"erased":true' or ""))
  decided = #facts
end

function verbs.place(item)
  if not once(P .. "sub:" .. item.submission_id, limit("max_age") + DAY) then return "repeat" end
  local new = cjson.decode(item.brought)
  for _, step in ipairs(new.step_list) do
    if not reps.audience(step.audience) then return not_yet("unknown_audience") end
  end
  local lead = leads.get(item.lead_id)
  if lead and lead.erased and new.submitted <= lead.erased then
    tell_decision(item, "none", true)
    return "done"
  end
  local attached = lead and leads.is_open(lead) and new.stage ~= "rejected"
  tell_decision(item, attached and "attached" or item.to)
  if attached then
    offers.notify(lead, "repeat", "rep", lead.rep, item.submission_id, item.quoted)
    if item.to == "sales" and is_more(new, lead) then lift(lead, item, new) end
  elseif item.to == "sales" then
    open(lead, item, new)
  elseif not lead then
    lead = { id = item.lead_id, state = "seen", attempt = 0, first = now }
    cache.lead[lead.id] = lead
    leads.save(lead)
  end
  return "done"
end
