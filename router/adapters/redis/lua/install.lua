--[[
  install: put a policy in force - reps, pools, calendars, limits, and the known audiences computed again.
  audience: make one audience known, or give it other members.

  The items' fields are those of domain/ledger/verbs.py Install and Audience.
  Answer done | stale_policy (computed under another policy than the one in force), install also missing_audiences.
]]
-- True where it was known and others were in it
local function define(item)
  local id, before = item.id, {}
  for _, member in ipairs(redis.call("SMEMBERS", P .. "in:" .. id)) do
    before[member] = true
    redis.call("SREM", P .. "auds:" .. member, id)
    cache.auds[member] = nil
  end
  redis.call("DEL", P .. "in:" .. id, P .. "free:" .. id, P .. "fkey:" .. id, P .. "on:" .. id, P .. "hrs:" .. id)
  redis.call("HSET", P .. "aud:" .. id, "pool", item.pool, "strategy", item.strategy, "match", opt(item.match) or "",
    "values", item["values"])
  local known, others = redis.call("SADD", P .. "auds", id) == 0, false
  cache.aud[id], cache.members[id], cache.stale[id] = nil, nil, nil
  for _, member in ipairs(item.members) do
    local rep = reps.get(member)
    if rep then
      reps.enter(id, rep)
      others = others or not before[member]
      before[member] = nil
    end
  end
  return known and (others or next(before) ~= nil)
end

function verbs.audience(item)
  local under = opt(item.version)
  if under and under ~= meta("version") then return "stale_policy" end
  if define(item) then
    local everybody = {}
    for i, id in ipairs(redis.call("SMEMBERS", P .. "reps")) do everybody[i] = reps.get(id) end
    offers.settle(everybody, true)
  end
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

local function put_reps(item)
  local everybody, seated, calreps = {}, {}, {}
  for _, seat in ipairs(item.seats) do
    local rep = reps.get(seat.id) or {
      id = seat.id, status = "offline", seen_at = 0, ["until"] = 0, load = 0, last_assigned = 0, misses = 0, day = 0,
      today = 0, on_duty = false, in_hours = false, passes = {},
    }
    cache.rep[seat.id] = rep
    rep.active, rep.capacity, rep.weight, rep.order = seat.active, seat.capacity, seat.weight, seat.order
    rep.calendar, rep.manager = opt(seat.calendar), opt(seat.manager)
    reps.save(rep)
    seated[seat.id] = true
    everybody[#everybody + 1] = rep
  end
  for _, id in ipairs(redis.call("SMEMBERS", P .. "reps")) do
    if not seated[id] then
      local rep = reps.get(id)
      rep.active, rep.calendar = false, nil
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

function verbs.install(item)
  if item.renew and item.version ~= meta("version") then return "stale_policy" end
  if not tells_of_all(item) then return "missing_audiences" end
  if item.policy ~= "" then redis.call("HSETNX", P .. "policies", item.version, item.policy) end
  reps.flush()
  put_rest(item)
  local everybody = put_reps(item)
  for _, audience in ipairs(item.audiences) do define(audience) end
  for _, member in ipairs(redis.call("ZRANGE", P .. "duty", 0, -1)) do
    if unpack_timer(member) == "hours" then redis.call("ZREM", P .. "duty", member) end
  end
  arm_calendar("")
  for name in pairs(item.calendars) do arm_calendar(name) end
  for _, rep in ipairs(everybody) do reps.refresh(rep) end
  for _, rep in ipairs(everybody) do
    if not rep.active then take_back(rep) end
  end
  offers.settle(everybody, true)
  return "done"
end
