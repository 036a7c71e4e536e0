--[[
  finish: a message is over.

  KEYS[1] prefix of the workspace; see put
  ARGV[1] channel
  ARGV[2] id
  ARGV[3] "forget" where it was given up: sent to the log again by somebody, it is a message again; else "remember"
]]
local P = KEYS[1] .. "notify:"
redis.call("ZREM", P .. "due:" .. ARGV[1], ARGV[2])
redis.call("ZREM", P .. "until:" .. ARGV[1], ARGV[2])
redis.call("HDEL", P .. "held", ARGV[2])
if ARGV[3] == "forget" then redis.call("DEL", P .. "seen:" .. ARGV[2]) end
