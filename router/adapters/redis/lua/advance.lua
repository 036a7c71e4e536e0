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
  later.write(P .. "theirs:" .. rep.id)
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
  queue.settle({ rep }, true)
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

-- All of it before anybody is served: else an opening could give a lead to a rep whose presence had run out too
local function advance()
  local gone, changed, left = {}, {}, false
  for _, member in ipairs(redis.call("ZRANGE", P .. "duty", "-inf", now, "BYSCORE")) do
    redis.call("ZREM", P .. "duty", member)
    local kind, name = unpack_timer(member)
    if kind == "expire" then
      local rep = reps.get(name)
      rep.status = "offline"
      expire_at(rep, 0)
      gone[#gone + 1], changed[#changed + 1] = rep, rep
    else
      for _, id in ipairs(list(redis.call("HGET", P .. "calreps", name))) do changed[#changed + 1] = reps.get(id) end
      arm_calendar(name)
    end
  end
  if #changed == 0 then return end
  for _, rep in ipairs(changed) do left = reps.refresh(rep) or left end
  for _, rep in ipairs(gone) do take_back(rep) end
  queue.settle(changed, left or #gone > 0)
end
