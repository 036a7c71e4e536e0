--[[
  reps: who is there, who is free, in which order they are offered a lead. The model's twin is domain/ledger/reps.py.
]]
local reps = {}

local NUMBERS = { "capacity", "weight", "order", "seen_at", "until", "load", "last_assigned", "misses", "day", "today" }

function reps.get(id)
  if cache.rep[id] == nil then
    local raw = hash(P .. "rep:" .. id)
    if raw then
      raw.id = id
      for _, name in ipairs(NUMBERS) do raw[name] = tonumber(raw[name] or 0) end
      raw.active, raw.on_duty, raw.in_hours = raw.active == "1", raw.on_duty == "1", raw.in_hours == "1"
      raw.calendar, raw.manager = opt(raw.calendar), opt(raw.manager)
      raw.status = raw.status or "offline"
    end
    cache.rep[id] = raw
  end
  return cache.rep[id] or nil
end

function reps.save(rep)
  local flag = function(value) return value and "1" or "0" end
  local row = {
    "active", flag(rep.active), "on_duty", flag(rep.on_duty), "in_hours", flag(rep.in_hours),
    "calendar", rep.calendar or "", "manager", rep.manager or "", "status", rep.status,
  }
  for _, name in ipairs(NUMBERS) do
    row[#row + 1], row[#row + 2] = name, string.format("%d", rep[name])
  end
  redis.call("HSET", P .. "rep:" .. rep.id, unpack(row))
end

local function edges(calendar)
  if not cache.cal[calendar] then cache.cal[calendar] = list(redis.call("HGET", P .. "cal", calendar)) end
  return cache.cal[calendar]
end

-- 'open', 'outside_hours' or 'holiday'; beyond the known edges a calendar is closed
function reps.hours(rep)
  if not rep.calendar then return "open" end
  local state = "outside_hours"
  for _, edge in ipairs(edges(rep.calendar)) do
    if edge.at > now then return state end
    state = edge.state
  end
  return "outside_hours"
end

function reps.midnight(rep)
  if not rep.calendar then return now - now % DAY end
  local start = 0
  for _, edge in ipairs(edges(rep.calendar)) do
    if edge.at > now then break end
    if edge.midnight then start = edge.at end
  end
  return start
end

-- The first reason of the rep's own why they take no lead now; nil: free
function reps.obstacle(rep)
  if not rep.active then return "inactive" end
  if rep.status ~= "available" then return rep.status end
  local state = reps.hours(rep)
  if state ~= "open" then return state end
  if rep.load >= rep.capacity then return "at_capacity" end
  local daily = limit("daily_per_rep")
  if daily and rep.day == reps.midnight(rep) and rep.today >= daily then return "daily_limit" end
  return nil
end

function reps.audiences(id)
  if not cache.auds[id] then
    local ids = redis.call("SMEMBERS", P .. "auds:" .. id)
    table.sort(ids)
    cache.auds[id] = ids
  end
  return cache.auds[id]
end

function reps.audience(id)
  if not cache.aud[id] then
    local row = redis.call("HMGET", P .. "aud:" .. id, "pool", "strategy")
    cache.aud[id] = { pool = row[1], strategy = row[2] }
  end
  return cache.aud[id]
end

-- The strategy's own measure, ties by longest idle, then by id; as text that sorts
local function order_key(audience, rep)
  local measure = 0
  if audience.strategy == "least_loaded" then
    measure = math.floor(rep.load * STRIDE / rep.weight)
  elseif audience.strategy == "weighted_round_robin" then
    measure = tonumber(rep["pass:" .. audience.pool] or 0)
  elseif audience.strategy == "in_order" then
    measure = rep.order
  end
  return string.format("%016d%013d%s", measure, rep.last_assigned, rep.id)
end

function reps.of_key(member) return string.sub(member, 30) end

local function mark(key, id, yes)
  redis.call(yes and "SADD" or "SREM", key, id)
end

-- Bring one audience's indexes in line with the rep as they are now
local function index_in(id, rep, is_free)
  local audience = reps.audience(id)
  local fkey, free = P .. "fkey:" .. id, P .. "free:" .. id
  local old = redis.call("HGET", fkey, rep.id)
  local new = is_free and order_key(audience, rep) or false
  if old == new then return end
  if old then redis.call("ZREM", free, old) end
  if new then
    redis.call("ZADD", free, 0, new)
    redis.call("HSET", fkey, rep.id, new)
  else
    redis.call("HDEL", fkey, rep.id)
  end
end

-- Save the rep and bring all indexes in line; true where they have just left duty. Who comes on duty starts level
-- with each pool and is not flooded to catch up.
function reps.refresh(rep)
  local hours = rep.active and reps.hours(rep) == "open"
  local duty = hours and rep.status == "available" and rep.capacity > 0
  local left = rep.on_duty and not duty
  local ids = reps.audiences(rep.id)
  if duty and not rep.on_duty then
    for pool, served in pairs(hash(P .. "virtual") or {}) do
      if tonumber(served) > tonumber(rep["pass:" .. pool] or 0) then
        rep["pass:" .. pool] = served
        redis.call("HSET", P .. "rep:" .. rep.id, "pass:" .. pool, served)
      end
    end
  end
  if duty ~= rep.on_duty then
    for _, id in ipairs(ids) do mark(P .. "on:" .. id, rep.id, duty) end
  end
  if hours ~= rep.in_hours then
    for _, id in ipairs(ids) do mark(P .. "hrs:" .. id, rep.id, hours) end
  end
  rep.on_duty, rep.in_hours = duty, hours
  reps.save(rep)
  local is_free = reps.obstacle(rep) == nil
  for _, id in ipairs(ids) do index_in(id, rep, is_free) end
  return left
end

-- Enter a rep in an audience that has just been made
function reps.enter(id, rep)
  redis.call("SADD", P .. "in:" .. id, rep.id)
  redis.call("SADD", P .. "auds:" .. rep.id, id)
  cache.auds[rep.id] = nil
  if rep.on_duty then redis.call("SADD", P .. "on:" .. id, rep.id) end
  if rep.in_hours then redis.call("SADD", P .. "hrs:" .. id, rep.id) end
  index_in(id, rep, reps.obstacle(rep) == nil)
end

function reps.charge(rep)
  local today = reps.midnight(rep)
  rep.today = rep.day == today and rep.today + 1 or 1
  rep.day = today
  rep.load = rep.load + 1
  rep.last_assigned = now
end

-- Stride scheduling: the pool's time is the pass of the one served, whose own pass grows by stride over weight
function reps.advance_pass(rep, pool)
  local own = tonumber(rep["pass:" .. pool] or 0)
  local served = tonumber(redis.call("HGET", P .. "virtual", pool) or 0)
  if own >= served then redis.call("HSET", P .. "virtual", pool, string.format("%d", own)) end
  rep["pass:" .. pool] = string.format("%d", own + math.floor(STRIDE / rep.weight))
  redis.call("HSET", P .. "rep:" .. rep.id, "pass:" .. pool, rep["pass:" .. pool])
end

function reps.pool(name)
  if not cache.pool[name] then cache.pool[name] = list(redis.call("HGET", P .. "pool", name)) end
  return cache.pool[name]
end
