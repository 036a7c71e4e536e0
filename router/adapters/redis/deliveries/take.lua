#!lua
--[[
  take: take up what is due for a channel; nobody else takes it for a while.

  KEYS[1] prefix of the workspace; see put
  ARGV[1] channel
  ARGV[2] at most how many
  ARGV[3] for how long, in ms: who takes it up and dies leaves it to others then
  ARGV[4] "late" for what is past its end only, else "due"

  Returns ms until the next one is due (-1: none), then id, until (ms), job; three a message
]]
local P = KEYS[1] .. "notify:"
local due, ends = P .. "due:" .. ARGV[1], P .. "until:" .. ARGV[1]
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local from = ARGV[4] == "late" and ends or due
local out = { -1 }
for _, id in ipairs(redis.call("ZRANGEBYSCORE", from, "-inf", now, "LIMIT", 0, ARGV[2])) do
  local at = redis.call("ZSCORE", due, id)
  local job = redis.call("HGET", P .. "held", id)
  if not job then
    redis.call("ZREM", due, id)
    redis.call("ZREM", ends, id)
  elseif at and tonumber(at) <= now then
    redis.call("ZADD", due, now + ARGV[3], id)
    out[#out + 1] = id
    out[#out + 1] = redis.call("ZSCORE", ends, id) or 0
    out[#out + 1] = job
  end
end
local coming = redis.call("ZRANGE", due, 0, 0, "WITHSCORES")
if coming[2] then out[1] = math.max(0, math.floor(coming[2] - now)) end
return out
