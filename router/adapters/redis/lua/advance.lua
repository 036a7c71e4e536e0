--[[
  advance: before any verb, let expire what has expired and open what has opened, so that nobody is taken for available
  who is not. Bounded by the number of reps.
]]
local function expire_at(rep, until_)
  rep["until"] = until_
  if until_ > 0 then
    redis.call("ZADD", P .. "duty", until_, pack("expire", rep.id))
  else
    redis.call("ZREM", P .. "duty", pack("expire", rep.id))
  end
end

local function take_back(rep)
  for _, id in ipairs(redis.call("ZRANGE", P .. "theirs:" .. rep.id, 0, -1)) do
    local lead = leads.get(id)
    if lead.state == "held" then offers.unassign(lead, "rep_unavailable") end
  end
end

-- The rep is away or offline: what is not accepted goes on at once
local function leave(rep, status)
  rep.status = status
  expire_at(rep, 0)
  reps.refresh(rep)
  take_back(rep)
  offers.settle({ rep }, true)
end

local function arm_calendar(name)
  if name == "" then
    redis.call("ZADD", P .. "duty", now - now % DAY + DAY, pack("hours", ""))
    return
  end
  for _, edge in ipairs(list(redis.call("HGET", P .. "cal", name))) do
    if edge.at > now then
      redis.call("ZADD", P .. "duty", edge.at, pack("hours", name))
      return
    end
  end
end

local function advance()
  local due = redis.call("ZRANGE", P .. "duty", "-inf", now, "BYSCORE")
  for _, member in ipairs(due) do
    redis.call("ZREM", P .. "duty", member)
    local kind, name = unpack_timer(member)
    if kind == "expire" then
      leave(reps.get(name), "offline")
    else
      local theirs, left = {}, false
      for _, id in ipairs(list(redis.call("HGET", P .. "calreps", name))) do
        theirs[#theirs + 1] = reps.get(id)
      end
      for _, rep in ipairs(theirs) do left = reps.refresh(rep) or left end
      offers.settle(theirs, left)
      arm_calendar(name)
    end
  end
end
