--[[
  leads: a lead as a table, its timers, and the clock that runs for it. The model's twins are domain/ledger/state.py
  and clocks.py.
]]
local leads, clocks = {}, {}

local WAY = { "policy", "route", "step_list", "lane", "stage", "priority", "escalate_to", "considered" }

-- Where the decision sends the lead
function leads.send(lead, way)
  for _, name in ipairs(WAY) do lead[name] = way[name] end
end

-- The second line is what was brought along, the third the lead's way (see `encode`). A lead of an earlier release is
-- one line, and one that was lifted has no third
local function decode(kept)
  local at = string.find(kept, "\n", 1, true)
  local way = at and string.find(kept, "\n", at + 1, true)
  local lead = cjson.decode(way and string.sub(kept, 1, way - 2) .. "}" or kept)
  if way then leads.send(lead, read_once("{" .. string.sub(kept, way + 1))) end
  if at then lead.brought = string.sub(kept, at + 1) end
  return lead
end

function leads.get(id)
  if cache.lead[id] == nil then
    local kept = redis.call("GET", P .. "lead:" .. id)
    cache.lead[id] = kept and decode(kept)
  end
  return cache.lead[id] or nil
end

-- What a submission brought along: fields that seldom change
local BROUGHT = {
  "sub", "submitted", "received", "decided", "policy", "route", "step_list", "stage", "priority", "escalate_to",
  "considered", "company", "clock", "lane",
}

-- What the lead was brought with, as it came, with the brace that ends it; put together anew where that has changed
local function brought(lead)
  if not lead.brought then
    local values = {}
    for _, name in ipairs(BROUGHT) do values[name] = lead[name] end
    lead.brought = string.sub(cjson.encode(values), 2)
  end
  return lead.brought
end

local function flags(lead)
  return (lead.parked and ',"parked":true' or "") .. (lead.overdue and ',"overdue":true' or "")
    .. (lead.breached and ',"breached":true' or "") .. (lead.told_nobody and ',"told_nobody":true' or "")
end

local function some(list) return next(list) and cjson.encode(list) or "{}" end

-- One object: a line of what changes; then what was brought along and the lead's way, which need not be written anew.
-- Of one that was over when it was restored there is only what an erasure says of it
local function encode(lead)
  local first = '{"id":' .. quote(lead.id) .. ',"first":' .. whole(lead.first) .. ',"state":"' .. lead.state .. '","attempt":'
    .. whole(lead.attempt) .. field("erased", lead.erased)
  if not lead.opened then
    return first .. field("last_rep", lead.last_rep) .. field("sub", lead.sub) .. field("submitted", lead.submitted)
      .. field("policy", lead.policy) .. "}"
  end
  return first .. ',"opened":' .. whole(lead.opened) .. ',"unheld_since":' .. whole(lead.unheld_since) .. ',"unheld_ms":'
    .. whole(lead.unheld_ms) .. ',"assigned_at":' .. whole(lead.assigned_at) .. ',"accept_ms":' .. whole(lead.accept_ms)
    .. ',"reach":' .. whole(lead.reach) .. ',"tries":' .. whole(lead.tries) .. ',"tried":' .. some(lead.tried)
    .. ',"warned":' .. some(lead.warned) .. ',"owners":' .. some(lead.owners) .. field("rep", lead.rep)
    .. field("last_rep", lead.last_rep) .. field("step", lead.step) .. field("pool", lead.pool)
    .. field("accept_by", lead.accept_by) .. field("place", lead.place) .. flags(lead) .. ",\n" .. brought(lead)
end

-- One that is over is kept for 'seconds', or as long as one that has just come to its end
function leads.save(lead, seconds)
  local key = P .. "lead:" .. lead.id
  if leads.is_open(lead) then
    later.set(key, encode(lead))
  else
    later.leave(key)
    redis.call("SET", key, encode(lead), "EX", seconds or KEEP)
  end
end

function leads.is_open(lead)
  return lead.state == "waiting" or lead.state == "held" or lead.state == "accepted"
end

function leads.touch_by(lead) return lead.clock and lead.clock.due_at or nil end

-- What a rep needs to call, as a JSON string of the JSON that is kept
function leads.card(lead)
  if not cache.card[lead.id] then
    cache.card[lead.id] = cjson.encode(redis.call("GET", P .. "card:" .. lead.id) or "{}")
  end
  return cache.card[lead.id]
end

-- Overdue first, then priority, then due, then age; without a clock, last. As text that sorts, then the lead's id
function leads.queue_key(lead)
  local due = leads.touch_by(lead)
  local rank = 5000000000 - lead.priority
  if lead.overdue then
    return string.format("0%013d%010d%013d%s", due or lead.submitted + DAY, rank, lead.submitted, lead.id)
  end
  return string.format("1%010d%013d%013d%s", rank, due or NEVER, lead.submitted, lead.id)
end

function leads.of_key(member) return string.sub(member, 38) end

function clocks.set(kind, lead, due) later.put(P .. "timers", pack(kind, lead.id), due) end

function clocks.cancel(lead, ...)
  for _, kind in ipairs({ ... }) do later.drop(P .. "timers", pack(kind, lead.id)) end
end

function clocks.cancel_all(lead)
  clocks.cancel(lead, "accept", "remind", "widen", "retry")
  clocks.stop(lead)
end

-- Clear the timers of the lead's clock
function clocks.stop(lead)
  local kinds = { "breach", "late" }
  for i = 1, lead.clock and #lead.clock.warn_at or 0 do kinds[#kinds + 1] = "warn" .. (i - 1) end
  clocks.cancel(lead, unpack(kinds))
end

-- Start the clock; a threshold that has passed is not warned of. Without a clock the lead is late after a day
function clocks.start(lead)
  if not lead.clock then
    if lead.submitted + DAY <= now then lead.overdue = true else clocks.set("late", lead, lead.submitted + DAY) end
    return
  end
  local due, warned = lead.clock.due_at, {}
  for _, threshold in ipairs(lead.warned) do warned[threshold] = true end
  lead.overdue = due <= now
  if lead.overdue then return end
  clocks.set("breach", lead, due)
  for i, warning in ipairs(lead.clock.warn_at) do
    if now < warning[2] and warning[2] < due and not warned[warning[1]] then clocks.set("warn" .. (i - 1), lead, warning[2]) end
  end
end

-- Of the time from 'start' to 'until_', what a clock of working time counts; nil for one that counts all
local function open_between(spans, start, until_)
  if not opt(spans) then return nil end
  local sum = 0
  for _, span in ipairs(spans) do
    sum = sum + math.max(0, math.min(span[2], until_) - math.max(span[1], start))
  end
  return sum
end

-- One turn of the clock; 'until_' is the instant up to which time is counted
function clocks.sla(lead, kind, until_, more)
  if not lead.clock then return end
  local waiting = lead.state == "waiting" and math.max(0, until_ - lead.unheld_since) or 0
  local values = {
    at = now, ["end"] = until_, lead = lead.id, sub = lead.sub, target = lead.clock.target,
    first_touch = lead.clock.first_touch, due = lead.clock.due_at, submitted = lead.submitted,
    received = lead.received, decided = lead.decided, queue = lead.unheld_ms + waiting, accept = lead.accept_ms,
    rep = lead.rep, attempt = lead.attempt, open = open_between(lead.clock.open, lead.submitted, until_),
  }
  for name, value in pairs(more or {}) do values[name] = value end
  fact(kind, values)
end

-- End the clock by a touch made at 'acted': met, or resolved after a breach (told now, where it was not yet)
function clocks.touched(lead, acted)
  if not lead.clock then return end
  local in_time = acted <= lead.clock.due_at
  if not lead.breached and in_time then return clocks.sla(lead, "met", acted) end
  if not lead.breached then clocks.sla(lead, "breached", now) end
  lead.breached = true
  clocks.sla(lead, "resolved", acted, { in_time = in_time })
end
