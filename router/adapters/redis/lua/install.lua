--[[
  install: put a policy in force - reps, pools, calendars, limits, and the known audiences computed again.

  The item's fields are those of domain/ledger/verbs.py Install.
  Answer done | stale_policy (it only renews a policy that is no longer in force) | missing_audiences.
]]
local function put_rest(item)
  redis.call("HSET", P .. "meta", "version", item.version, "max_attempts", item.max_attempts, "misses_before_away",
    item.misses_before_away, "daily_per_rep", opt(item.daily_per_rep) or "", "retry_after", item.retry_after,
    "max_age", string.format("%d", item.max_age))
  redis.call("DEL", P .. "cal", P .. "calreps")
  for _, name in ipairs(redis.call("SMEMBERS", P .. "pools")) do redis.call("DEL", P .. "pool:" .. name) end
  redis.call("DEL", P .. "pools")
  for name, ids in pairs(item.pools) do
    redis.call("SADD", P .. "pools", name)
    at_once("RPUSH", P .. "pool:" .. name, ids)
  end
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

local function newcomer(id)
  local rep = {
    id = id, active = false, capacity = 0, weight = 1, order = 0, status = "offline", seen_at = 0, ahead = 0,
    ["until"] = 0, load = 0, turn = 0, misses = 0, day = 0, today = 0, on_duty = false, in_hours = false, passes = {},
  }
  cache.rep[id] = rep
  reps.save(rep)
  return rep
end

local function put_reps(item)
  local everybody, seated, calreps = {}, {}, {}
  for _, seat in ipairs(item.seats) do
    local rep = reps.get(seat.id) or newcomer(seat.id)
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
    tostring(reps.at_daily_limit(rep)), -- also of one who is full: they may hold a step back no longer
  }, "|")
end

local function standings()
  local out = {}
  for _, id in ipairs(redis.call("SMEMBERS", P .. "reps")) do out[id] = standing(reps.get(id)) end
  return out
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
  flush()
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
  flush()
  for _, rep in ipairs(everybody) do
    if not rep.active then take_back(rep) end
  end
  serve(changed, others)
  forget_unused()
  return "done"
end
