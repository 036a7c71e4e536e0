#!lua
--[[
  later: say when messages that were taken up may be taken up next; what is over stays over.

  KEYS[1] prefix of the workspace; see put
  ARGV[1] channel
  ARGV[2] in how many ms from now
  ARGV[3] and on: ids
]]
local P = KEYS[1] .. "notify:"
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
for i = 3, #ARGV do redis.call("ZADD", P .. "due:" .. ARGV[1], "XX", now + ARGV[2], ARGV[i]) end
