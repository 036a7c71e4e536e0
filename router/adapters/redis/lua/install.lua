--[[
  install: put a policy in force - reps, pools, calendars, limits, and the known audiences computed again.
  audience: make one audience known, or give it other members.

  The items' fields are those of domain/ledger/verbs.py Install and Audience.
  Answer done | stale_policy (computed under another policy than the one in force), install also missing_audiences.
  Beside what store.lua lists it keeps `policies`, a hash: version -> canonical text, for good.
]]
local MOST = 1000 -- arguments of one command, for Lua's stack; even, so that pairs stay together

local function at_once(command, key, arguments)
  for first = 1, #arguments, MOST do
    redis.call(command, key, unpack(arguments, first, math.min(first + MOST - 1, #arguments)))
  end
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

-- Take members out of an audience's indexes; 'moved' gathers, for each rep, the audiences left and entered
local function take_out(id, members, moved)
  local free = {}
  for i, key in ipairs(keys_of(id, members)) do
    if key then free[#free + 1] = key end
    moved.left[members[i]] = moved.left[members[i]] or {}
    table.insert(moved.left[members[i]], id)
    if cache.stale[id] then cache.stale[id][members[i]] = nil end
  end
  at_once("ZREM", P .. "free:" .. id, free)
  at_once("HDEL", P .. "fkey:" .. id, members)
  for _, set in ipairs({ "in:", "on:", "hrs:" }) do at_once("SREM", P .. set .. id, members) end
end

local function bring_in(id, members, moved)
  local on, hrs = {}, {}
  for _, member in ipairs(members) do
    local rep = reps.get(member)
    if rep.on_duty then on[#on + 1] = member end
    if rep.in_hours then hrs[#hrs + 1] = member end
    moved.entered[member] = moved.entered[member] or {}
    table.insert(moved.entered[member], id)
    outdated(id, rep)
  end
  at_once("SADD", P .. "in:" .. id, members)
  at_once("SADD", P .. "on:" .. id, on)
  at_once("SADD", P .. "hrs:" .. id, hrs)
end

-- Write what an audience is; true where it was known, and true where it orders its free reps as before
local function describe(item)
  local key, match = P .. "aud:" .. item.id, opt(item.match) or ""
  local old = redis.call("HMGET", key, "pool", "strategy", "match", "values")
  local ordered = old[1] == item.pool and old[2] == item.strategy
  if not (ordered and old[3] == match and old[4] == item["values"]) then
    redis.call("HSET", key, "pool", item.pool, "strategy", item.strategy, "match", match, "values", item["values"])
    redis.call("SADD", P .. "auds", item.id)
    cache.aud[item.id] = nil
  end
  return old[1] ~= false, ordered
end

-- Write only what is new about an audience; true where it was known and others were in it
local function define(item, moved)
  local id, before, stayed, come, gone = item.id, {}, {}, {}, {}
  local known, ordered = describe(item)
  for _, member in ipairs(redis.call("SMEMBERS", P .. "in:" .. id)) do before[member] = true end
  for _, member in ipairs(item.members) do
    if before[member] then
      before[member], stayed[#stayed + 1] = nil, member
    elseif reps.get(member) then
      come[#come + 1] = member
    end
  end
  for member in pairs(before) do gone[#gone + 1] = member end
  if #gone > 0 then take_out(id, gone, moved) end
  if #come > 0 then bring_in(id, come, moved) end
  if not ordered then
    for _, member in ipairs(stayed) do outdated(id, reps.get(member)) end
  end
  local others = #gone + #come > 0
  if others then cache.members[id] = nil end
  return known and others
end

-- Define audiences; the set of those that were known and in which others are now
local function define_all(items)
  local moved, others = { left = {}, entered = {} }, {}
  for _, item in ipairs(items) do
    if define(item, moved) then others[item.id] = true end
  end
  for member, ids in pairs(moved.left) do
    at_once("SREM", P .. "auds:" .. member, ids)
    cache.auds[member] = nil
  end
  for member, ids in pairs(moved.entered) do
    at_once("SADD", P .. "auds:" .. member, ids)
    cache.auds[member] = nil
  end
  return others
end

-- Serve those who changed, and the lanes of audiences in which others are now: by one member of any audience of each,
-- for a lane is found through any rep of it
local function serve(changed, others)
  local them, chosen = {}, {}
  for _, rep in ipairs(changed) do them[#them + 1], chosen[rep.id] = rep, true end
  for audience in pairs(others) do
    for _, lane in ipairs(redis.call("SMEMBERS", P .. "lanes:" .. audience)) do
      local found, first
      for id in string.gmatch(lane, "([^,]+)[+-]") do
        for _, member in ipairs(found and {} or redis.call("SMEMBERS", P .. "in:" .. id)) do
          found, first = found or chosen[member], first or member
        end
      end
      if first and not found then them[#them + 1], chosen[first] = reps.get(first), true end
    end
  end
  offers.settle(them, true)
end

function verbs.audience(item)
  local under = opt(item.version)
  if under and under ~= meta("version") then return "stale_policy" end
  local others = define_all({ item })
  if next(others) then serve({}, others) end
  return "done"
end

local function put_rest(item)
  redis.call("HSET", P .. "meta", "version", item.version, "max_attempts", item.max_attempts, "misses_before_away",
    item.misses_before_away, "daily_per_rep", opt(item.daily_per_rep) or "", "retry_after", item.retry_after,
    "max_age", string.format("%d", item.max_age))
  redis.call("DEL", P .. "pool", P .. "cal", P .. "calreps")
  for name, ids in pairs(item.pools) do redis.call("HSET", P .. "pool", name, cjson.encode(ids)) end
  for name, known in pairs(item.calendars) do redis.call("HSET", P .. "cal", name, cjson.encode(known)) end
  forget()
end

local function by_order(a, b)
  if a.order ~= b.order then return a.order < b.order end
  return a.id < b.id
end

-- Save only who is new or has another seat: most of a policy is as it was
local function sit(rep, seat)
  local same = rep.manager == opt(seat.manager) and rep.calendar == opt(seat.calendar) and rep.active == seat.active
  for _, name in ipairs({ "capacity", "weight", "order" }) do same = same and rep[name] == seat[name] end
  if same then return end
  rep.active, rep.capacity, rep.weight, rep.order = seat.active, seat.capacity, seat.weight, seat.order
  rep.calendar, rep.manager = opt(seat.calendar), opt(seat.manager)
  reps.save(rep)
end

local function put_reps(item)
  local everybody, seated, calreps = {}, {}, {}
  for _, seat in ipairs(item.seats) do
    local rep = reps.get(seat.id) or {
      id = seat.id, status = "offline", seen_at = 0, ["until"] = 0, load = 0, last_assigned = 0, misses = 0, day = 0,
      today = 0, on_duty = false, in_hours = false, passes = {},
    }
    cache.rep[seat.id] = rep
    sit(rep, seat)
    seated[seat.id] = true
    everybody[#everybody + 1] = rep
  end
  for _, id in ipairs(redis.call("SMEMBERS", P .. "reps")) do
    if not seated[id] then
      local rep = reps.get(id)
      if rep.active or rep.calendar then
        rep.active, rep.calendar = false, nil
        reps.save(rep)
      end
      everybody[#everybody + 1] = rep
    end
  end
  table.sort(everybody, by_order)
  for _, rep in ipairs(everybody) do
    redis.call("SADD", P .. "reps", rep.id)
    if rep.active then
      local name = rep.calendar or ""
      calreps[name] = calreps[name] or {}
      table.insert(calreps[name], rep.id)
    end
  end
  for name, ids in pairs(calreps) do redis.call("HSET", P .. "calreps", name, cjson.encode(ids)) end
  return everybody
end

-- An audience that the policy does not tell of would keep its old members
local function tells_of_all(item)
  local told = {}
  for _, audience in ipairs(item.audiences) do told[audience.id] = true end
  for _, id in ipairs(redis.call("SMEMBERS", P .. "auds")) do
    if not told[id] then return false end
  end
  return true
end

-- What makes a rep free and orders those who are: where it is as before, so are all indexes that the rep is in
local function standing(rep)
  return table.concat({
    reps.obstacle(rep) or "free", reps.hours(rep), tostring(rep.active), tostring(rep.capacity > 0), rep.weight, rep.order,
  }, "|")
end

local function standings()
  local out = {}
  for _, id in ipairs(redis.call("SMEMBERS", P .. "reps")) do out[id] = standing(reps.get(id)) end
  return out
end

-- Bring all indexes in line with the reps as they are now: what reps.flush would do one by one
local function reorder()
  local orders = {} -- by strategy and pool: how each rep sorts, false for who is not free
  for id, them in pairs(cache.stale) do
    local audience, members = reps.audience(id), {}
    local by = audience.strategy .. "|" .. audience.pool
    orders[by] = orders[by] or {}
    for member in pairs(them) do members[#members + 1] = member end
    local gone, free, keys, unfree = {}, {}, {}, {}
    for i, old in ipairs(keys_of(id, members)) do
      local member = members[i]
      local new = orders[by][member]
      if new == nil then
        local rep = reps.get(member)
        new = reps.obstacle(rep) == nil and order_key(audience, rep) or false
        orders[by][member] = new
      end
      if new ~= old then
        if old then gone[#gone + 1] = old end
        if new then
          free[#free + 1], free[#free + 2] = 0, new
          keys[#keys + 1], keys[#keys + 2] = member, new
        else
          unfree[#unfree + 1] = member
        end
      end
    end
    at_once("ZREM", P .. "free:" .. id, gone)
    at_once("ZADD", P .. "free:" .. id, free)
    at_once("HSET", P .. "fkey:" .. id, keys)
    at_once("HDEL", P .. "fkey:" .. id, unfree)
    cache.stale[id] = nil
  end
end

local function arm_calendars(item)
  for _, member in ipairs(redis.call("ZRANGE", P .. "duty", 0, -1)) do
    if unpack_timer(member) == "hours" then redis.call("ZREM", P .. "duty", member) end
  end
  arm_calendar("")
  for name in pairs(item.calendars) do arm_calendar(name) end
end

-- Thousands of audiences may be known, and the next verb waits: only what changed is written
function verbs.install(item)
  if item.renew and item.version ~= meta("version") then return "stale_policy" end
  if not tells_of_all(item) then return "missing_audiences" end
  if item.policy ~= "" then redis.call("HSETNX", P .. "policies", item.version, item.policy) end
  reps.flush()
  local before = standings()
  put_rest(item)
  local everybody, changed = put_reps(item), {}
  local others = define_all(item.audiences)
  arm_calendars(item)
  for _, rep in ipairs(everybody) do
    if before[rep.id] ~= standing(rep) then
      reps.refresh(rep)
      changed[#changed + 1] = rep
    end
  end
  reorder()
  for _, rep in ipairs(everybody) do
    if not rep.active then take_back(rep) end
  end
  serve(changed, others)
  reorder()
  return "done"
end
