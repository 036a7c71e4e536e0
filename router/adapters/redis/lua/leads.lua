--[[
  leads: a lead as a table, its timers, and the clock that runs for it. The model's twins are domain/ledger/state.py
  and clocks.py.
]]
local leads, clocks = {}, {}

function leads.get(id)
  if cache.lead[id] == nil then
    local kept = redis.call("GET", P .. "lead:" .. id)
    cache.lead[id] = kept and cjson.decode(kept)
  end
  return cache.lead[id] or nil
end

-- One that is over is kept for 'seconds', or as long as one that has just come to its end
function leads.save(lead, seconds)
  if leads.is_open(lead) then
    redis.call("SET", P .. "lead:" .. lead.id, cjson.encode(lead))
  else
    redis.call("SET", P .. "lead:" .. lead.id, cjson.encode(lead), "EX", seconds or KEEP)
  end
end

function leads.is_open(lead)
  return lead.state == "waiting" or lead.state == "held" or lead.state == "accepted"
end

function leads.touch_by(lead) return lead.clock and lead.clock.due_at or nil end

function leads.card(lead)
  local known = cache.card[lead.id] or redis.call("GET", P .. "card:" .. lead.id) or "{}"
  cache.card[lead.id] = known
  return known
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

function clocks.set(kind, lead, due) redis.call("ZADD", P .. "timers", due, pack(kind, lead.id)) end

function clocks.cancel(lead, ...)
  local names = {}
  for i, kind in ipairs({ ... }) do names[i] = pack(kind, lead.id) end
  redis.call("ZREM", P .. "timers", unpack(names))
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
  local timers = { due, pack("breach", lead.id) }
  for i, warning in ipairs(lead.clock.warn_at) do
    if now < warning[2] and warning[2] < due and not warned[warning[1]] then
      timers[#timers + 1], timers[#timers + 2] = warning[2], pack("warn" .. (i - 1), lead.id)
    end
  end
  redis.call("ZADD", P .. "timers", unpack(timers))
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
