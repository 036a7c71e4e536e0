--[[
  reps: who is there, who is free, in which order they are offered a lead. The model's twin is domain/ledger/reps.py.

  A call changes the same few reps over and over. Their hashes are written once at its end, and the indexes of an
  audience when somebody reads them, at the latest then (`flush`).
]]
local reps = {}

local NUMBERS = { "capacity", "weight", "order", "seen_at", "ahead", "until", "load", "turn", "misses", "day", "today" }

function reps.get(id)
  if cache.rep[id] == nil then
    local raw = hash(P .. "rep:" .. id)
    if raw then
      raw.id, raw.passes = id, {}
      for name, value in pairs(raw) do
        if string.sub(name, 1, 5) == "pass:" then raw.passes[string.sub(name, 6)] = tonumber(value) end
      end
      for _, name in ipairs(NUMBERS) do raw[name] = tonumber(raw[name] or 0) end
      raw.active, raw.on_duty, raw.in_hours = raw.active == "1", raw.on_duty == "1", raw.in_hours == "1"
      raw.calendar, raw.manager = opt(raw.calendar), opt(raw.manager)
      raw.status = raw.status or "offline"
    end
    cache.rep[id] = raw
  end
  return cache.rep[id] or nil
end

function reps.save(rep) cache.changed[rep.id] = rep end

local function write(rep)
  local flag = function(value) return value and "1" or "0" end
  local row = {
    "active", flag(rep.active), "on_duty", flag(rep.on_duty), "in_hours", flag(rep.in_hours),
    "calendar", rep.calendar or "", "manager", rep.manager or "", "status", rep.status,
  }
  for _, name in ipairs(NUMBERS) do
    row[#row + 1], row[#row + 2] = name, whole(rep[name])
  end
  for pool, pass in pairs(rep.passes) do
    row[#row + 1], row[#row + 2] = "pass:" .. pool, whole(pass)
  end
  redis.call("HSET", P .. "rep:" .. rep.id, unpack(row))
end

-- What a calendar says now: its state, closed beyond the known edges, and its latest midnight
local function read_calendar(name)
  local state, midnight = "outside_hours", 0
  for _, edge in ipairs(read_once(redis.call("HGET", P .. "cal", name) or "[]")) do
    if edge.at > now then return { state = state, midnight = midnight } end
    state = edge.state
    if edge.midnight then midnight = edge.at end
  end
  return { state = "outside_hours", midnight = midnight }
end

local function today(rep)
  local name = rep.calendar or ""
  if not cache.today[name] then
    cache.today[name] = rep.calendar and read_calendar(name) or { state = "open", midnight = now - now % DAY }
  end
  return cache.today[name]
end

-- 'open', 'outside_hours' or 'holiday'
function reps.hours(rep) return today(rep).state end

function reps.midnight(rep) return today(rep).midnight end

-- Has the rep had all the leads of a day? Then they get no other before midnight
function reps.at_daily_limit(rep)
  local daily = limit("daily_per_rep")
  return daily ~= nil and rep.day == reps.midnight(rep) and rep.today >= daily
end

-- The first reason of the rep's own why they take no lead now; nil: free
function reps.obstacle(rep)
  if not rep.active then return "inactive" end
  if rep.status ~= "available" then return rep.status end
  local state = reps.hours(rep)
  if state ~= "open" then return state end
  if rep.load >= rep.capacity then return "at_capacity" end
  if reps.at_daily_limit(rep) then return "daily_limit" end
  return nil
end

-- Could the rep take a lead that is theirs? As any other, but whatever they had today
function reps.may_own(rep)
  local own = reps.obstacle(rep)
  return not own or own == "daily_limit"
end

function reps.audiences(id)
  if not cache.auds[id] then
    local ids = redis.call("SMEMBERS", P .. "auds:" .. id)
    table.sort(ids)
    cache.auds[id] = ids
  end
  return cache.auds[id]
end

-- Nil where it has not been made known
function reps.audience(id)
  if not cache.aud[id] then
    local row = redis.call("HMGET", P .. "aud:" .. id, "pool", "strategy")
    cache.aud[id] = row[1] and { pool = row[1], strategy = row[2] } or nil
  end
  return cache.aud[id]
end

function reps.is_in(audience, id)
  local known = cache.members[audience]
  if not known then
    known = {}
    cache.members[audience] = known
  end
  if known[id] == nil then known[id] = redis.call("SISMEMBER", P .. "in:" .. audience, id) == 1 end
  return known[id]
end

-- The strategy's own measure, ties by longest idle, then by id; as text that sorts
local function order_key(audience, rep)
  local measure = 0
  if audience.strategy == "least_loaded" then
    measure = math.floor(rep.load * STRIDE / rep.weight)
  elseif audience.strategy == "weighted_round_robin" then
    measure = rep.passes[audience.pool] or 0
  elseif audience.strategy == "in_order" then
    measure = rep.order
  end
  return string.format("%016d%013d%s", measure, rep.turn, rep.id)
end

local function mark(key, id, yes)
  redis.call(yes and "SADD" or "SREM", key, id)
end

-- The members by which an audience's free reps are ordered, false for who is not free
local function keys_of(id, members)
  local out = {}
  for first = 1, #members, MOST do
    local some = redis.call("HMGET", P .. "fkey:" .. id, unpack(members, first, math.min(first + MOST - 1, #members)))
    for i, key in ipairs(some) do out[first + i - 1] = key end
  end
  return out
end

local function outdated(id, rep)
  local stale, line = cache.stale[id], cache.line[id]
  if not stale then
    stale = {}
    cache.stale[id] = stale
  end
  stale[rep.id] = rep
  if line then line.moved[rep.id] = rep end
end

-- Bring an audience's indexes in line with those of its reps who are not as they were
local function update(id)
  local members, gone, free, keys, unfree = {}, {}, {}, {}, {}
  for member in pairs(cache.stale[id] or {}) do members[#members + 1] = member end
  cache.stale[id] = nil
  if #members == 0 then return end
  local audience = reps.audience(id)
  for i, old in ipairs(keys_of(id, members)) do
    local rep = reps.get(members[i])
    local new = reps.obstacle(rep) == nil and order_key(audience, rep) or false
    if new ~= old then
      if old then gone[#gone + 1] = old end
      if new then
        free[#free + 1], free[#free + 2] = 0, new
        keys[#keys + 1], keys[#keys + 2] = rep.id, new
      else
        unfree[#unfree + 1] = rep.id
      end
    end
  end
  at_once("ZREM", P .. "free:" .. id, gone)
  at_once("ZADD", P .. "free:" .. id, free)
  at_once("HSET", P .. "fkey:" .. id, keys)
  at_once("HDEL", P .. "fkey:" .. id, unfree)
end

local function shown(key) return "[" .. quote(string.sub(key, 30)) .. ',"eligible"]' end

local function read_line(id, count)
  update(id)
  local row, said = redis.call("ZRANGE", P .. "free:" .. id, 0, count - 1), {}
  for i, key in ipairs(row) do said[i] = shown(key) end
  local known = cache.line[id]
  known = { row = row, said = said, whole = #row < count, moved = {}, change = known and known.change + 1 or 0 }
  cache.line[id] = known
  return known
end

-- As a sorted set orders them: by bytes, where `<` goes by the server's locale. Of the measures and turns, which are
-- digits, that makes no difference
local function precedes(a, b)
  local x, y = string.sub(a, 1, 29), string.sub(b, 1, 29)
  if x ~= y then return x < y end
  local i = 30
  while string.byte(a, i) == string.byte(b, i) and i <= #a do i = i + 1 end
  return (string.byte(a, i) or -1) < (string.byte(b, i) or -1)
end

local function take_from(line, rep)
  for i, key in ipairs(line.row) do
    if string.sub(key, 30) == rep then
      table.remove(line.row, i)
      table.remove(line.said, i)
      return true
    end
  end
  return false
end

-- Put a key where it belongs; beyond the end of a line that is not whole it is not known where that is
local function put_into(line, key)
  local low, high = 1, #line.row + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if precedes(line.row[middle], key) then low = middle + 1 else high = middle end
  end
  if low > #line.row and not line.whole then return end
  table.insert(line.row, low, key)
  table.insert(line.said, low, shown(key))
end

-- The first free reps of an audience in order, as they are now: `count` of them where there are so many. The index in
-- Redis is read once a call; from then on the line is kept in order here, as each lead that is assigned moves a rep
local function line_of(id, count)
  local line = cache.line[id]
  if not line then return read_line(id, math.max(count, 2 * SHOWN)) end
  if next(line.moved) then
    local audience = reps.audience(id)
    for name, rep in pairs(line.moved) do
      local was, free = take_from(line, name), reps.obstacle(rep) == nil
      if free then put_into(line, order_key(audience, rep)) end
      if was ~= free then line.change = line.change + 1 end
    end
    line.moved = {}
  end
  if #line.row < count and not line.whole then return read_line(id, count + 2 * SHOWN) end
  return line
end

-- Up to 'count' free reps of an audience, in the order they are offered a lead
function reps.free(id, count)
  local row, out = line_of(id, count).row, {}
  for i = 1, math.min(count, #row) do out[i] = string.sub(row[i], 30) end
  return out
end

-- The same of all that are shown, as JSON; how many they are; and a number that changes when others are free
function reps.free_shown(id)
  local line = line_of(id, SHOWN)
  local count = math.min(SHOWN, #line.said)
  return table.concat(line.said, ",", 1, count), count, line.change
end

-- Who of an audience is offered a lead first
function reps.first(id)
  local key = line_of(id, 1).row[1]
  return key and string.sub(key, 30)
end

function reps.is_free(id, rep)
  return reps.is_in(id, rep) and reps.obstacle(reps.get(rep)) == nil
end

-- Whether somebody of an audience is on duty is asked for every lead
function reps.on_duty(id)
  if not cache.on[id] then cache.on[id] = redis.call("SCARD", P .. "on:" .. id) end
  return cache.on[id]
end

-- Is somebody of an audience on duty who was not tried?
function reps.untried_on_duty(id, tried)
  local count = reps.on_duty(id)
  for rep in pairs(tried) do count = count - redis.call("SISMEMBER", P .. "on:" .. id, rep) end
  return count > 0
end

-- Could somebody of those still become free? That changes at midnight without anybody doing anything, so it is not kept
-- in Redis: where there is a daily limit, those on duty are asked, mostly only the first. Who is at the limit stays so
-- for the rest of the call
function reps.may_become_free(id, tried)
  if not limit("daily_per_rep") then return reps.untried_on_duty(id, tried) end
  local there = cache.there[id] or redis.call("SMEMBERS", P .. "on:" .. id)
  cache.there[id] = there
  for i = #there, 1, -1 do
    if reps.at_daily_limit(reps.get(there[i])) then
      table.remove(there, i)
    elseif not tried[there[i]] then
      return true
    end
  end
  return false
end

-- Each pool's pass of the last one served
local function served()
  if not cache.served then
    cache.served = hash(P .. "virtual") or {}
    for pool, pass in pairs(cache.served) do cache.served[pool] = tonumber(pass) end
  end
  return cache.served
end

-- Write all that the call has changed and not written yet
local function flush()
  later.flush()
  for id in pairs(cache.stale) do update(id) end
  for _, rep in pairs(cache.changed) do write(rep) end
  cache.changed = {}
  if cache.served_changed then
    for pool, pass in pairs(served()) do redis.call("HSET", P .. "virtual", pool, string.format("%d", pass)) end
    cache.served_changed = false
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
    for pool, pass in pairs(served()) do rep.passes[pool] = math.max(rep.passes[pool] or 0, pass) end
  end
  if duty ~= rep.on_duty then
    for _, id in ipairs(ids) do mark(P .. "on:" .. id, rep.id, duty) end
    cache.on, cache.there = {}, {}
  end
  if hours ~= rep.in_hours then
    for _, id in ipairs(ids) do mark(P .. "hrs:" .. id, rep.id, hours) end
  end
  rep.on_duty, rep.in_hours = duty, hours
  reps.save(rep)
  local known = cache.bar[rep.id]
  if known ~= nil and known ~= (reps.obstacle(rep) or false) then cache.bar[rep.id], cache.rest = nil, {} end
  for _, id in ipairs(ids) do outdated(id, rep) end
  return left
end

-- Count one more lead for the rep, in all that strategies and limits measure by; the assignment has just been told
function reps.charge(rep)
  local today = reps.midnight(rep)
  rep.today = rep.day == today and rep.today + 1 or 1
  rep.day = today
  rep.load = rep.load + 1
  rep.turn = later.now()
end

-- Stride scheduling: the pool's time is the pass of the one served, whose own pass grows by stride over weight
function reps.advance_pass(rep, pool)
  local own = rep.passes[pool] or 0
  if own >= (served()[pool] or 0) then served()[pool], cache.served_changed = own, true end
  rep.passes[pool] = own + math.floor(STRIDE / rep.weight)
end

-- The first members of a pool, in the configuration's order; enough to fill up a list of candidates
function reps.pool(name)
  if not cache.pool[name] then cache.pool[name] = redis.call("LRANGE", P .. "pool:" .. name, 0, 2 * SHOWN - 1) end
  return cache.pool[name]
end
