#!lua
--[[
  channels: tell which channels have, or had, something to deliver.

  KEYS[1] prefix of the workspace; see put
]]
return redis.call("SMEMBERS", KEYS[1] .. "notify:channels")
