#!lua
--[[
  put: note messages that are to be delivered, each once.
  One write: from here on a message is delivered or told of, whoever dies, and its repeat on the log is none.

  Its first line has Redis refuse it, and whatever else begins like it, before it does anything where the server takes
  no writes: full, a replica, its disk failing. Without that line what finds nothing to write would be answered, and
  look as if all were well. `finish` has none: it frees memory, also of a server that is full.

  KEYS[1] prefix of the workspace
  ARGV[1] how long a message is remembered, in seconds
  ARGV[2] how many may wait for one channel
  ARGV[3] and on: channel, id, until (ms), job (JSON); four a message

  {ws}:notify:seen:<id>        string  "1": noted once, whatever became of it since
  {ws}:notify:held             hash    id -> job
  {ws}:notify:due:<channel>    zset    id -> when it may be taken up (ms)
  {ws}:notify:until:<channel>  zset    id -> when it is given up (ms)
  {ws}:notify:channels         set     channels that have, or had, something

  Returns the ids that found no room.
]]
local P = KEYS[1] .. "notify:"
local t = redis.call("TIME")
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local refused = {}
for i = 3, #ARGV, 4 do
  local channel, id = ARGV[i], ARGV[i + 1]
  if redis.call("ZCARD", P .. "until:" .. channel) >= tonumber(ARGV[2]) then
    if redis.call("EXISTS", P .. "seen:" .. id) == 0 then refused[#refused + 1] = id end
  elseif redis.call("SET", P .. "seen:" .. id, "1", "NX", "EX", ARGV[1]) then
    redis.call("SADD", P .. "channels", channel)
    redis.call("HSET", P .. "held", id, ARGV[i + 3])
    redis.call("ZADD", P .. "until:" .. channel, ARGV[i + 2], id)
    redis.call("ZADD", P .. "due:" .. channel, now, id)
  end
end
return refused
