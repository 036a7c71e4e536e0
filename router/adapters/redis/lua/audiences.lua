--[[
  audiences: make one known, or give it other members; forget those that nobody asks for.

  The item's fields are those of domain/ledger/verbs.py Audience.
  Answer done | stale_policy (computed under another policy than the one in force).
]]
local HOUR = 3600000

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
  later.write(P .. "used")
  redis.call("ZADD", P .. "used", "NX", now, item.id)
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
  if others then
    cache.members[id], cache.on[id], cache.there[id] = nil, nil, nil
    cache.rest = {}
  end
  if others or not ordered then cache.line[id] = nil end
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

-- Serve those who changed, and the lanes of audiences in which others are now: each by the first member of its first
-- step that has any, through whom all its leads are found
local function serve(changed, others)
  local them, chosen = {}, {}
  for _, rep in ipairs(changed) do them[#them + 1], chosen[rep.id] = rep, true end
  for audience in pairs(others) do
    for _, lane in ipairs(redis.call("SMEMBERS", P .. "lanes:" .. audience)) do
      local first
      for id in string.gmatch(lane, "([^,]+)[+-]") do first = first or redis.call("SRANDMEMBER", P .. "in:" .. id) end
      if first and not chosen[first] then them[#them + 1], chosen[first] = reps.get(first), true end
    end
  end
  queue.settle(them, true)
end

local function drop(id, lanes)
  for _, lane in ipairs(lanes) do
    redis.call("HDEL", P .. "laneuse", lane)
    for reach = 1, tonumber(redis.call("GET", P .. "lane:" .. lane) or 0) do
      redis.call("HDEL", P .. "shelves", lane .. ":" .. reach, lane .. ":" .. reach .. "t", lane .. ":p")
    end
    redis.call("DEL", P .. "lane:" .. lane)
    for audience in string.gmatch(lane, "([^,]+)[+-]") do redis.call("SREM", P .. "lanes:" .. audience, lane) end
    cache.lanes[lane] = nil
  end
  for _, member in ipairs(redis.call("SMEMBERS", P .. "in:" .. id)) do
    redis.call("SREM", P .. "auds:" .. member, id)
    cache.auds[member] = nil
  end
  for _, what in ipairs({ "aud:", "in:", "free:", "fkey:", "on:", "hrs:", "lanes:" }) do redis.call("DEL", P .. what .. id) end
  redis.call("SREM", P .. "auds", id)
  redis.call("ZREM", P .. "used", id)
  for _, what in ipairs({ "aud", "members", "stale", "line", "on", "there" }) do cache[what][id] = nil end
end

-- An audience that nobody has asked for within the hour goes, unless an open lead is in one of its lanes
local function forget_unused()
  for _, key in ipairs({ "used", "laneuse", "shelves" }) do later.write(P .. key) end
  for _, id in ipairs(redis.call("ZRANGE", P .. "used", "-inf", now - HOUR, "BYSCORE")) do
    local lanes, idle = redis.call("SMEMBERS", P .. "lanes:" .. id), true
    for _, lane in ipairs(lanes) do
      idle = idle and tonumber(redis.call("HGET", P .. "laneuse", lane) or 0) == 0
    end
    if idle then drop(id, lanes) end
  end
end

function verbs.audience(item)
  local under = opt(item.version)
  if under and under ~= meta("version") then return "stale_policy" end
  local others = define_all({ item })
  if next(others) then serve({}, others) end
  return "done"
end
