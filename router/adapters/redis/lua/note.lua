--[[
  note: remember what people and companies did, each activity once by its id. Its member holds the kind after the id and
  the score its time, so whether an id is known shows only in the members; they are read once a key, and are few.

  KEYS[1] the workspace's prefix
  ARGV[1] how many are kept of each, the newest
  ARGV[2] for how many seconds they are kept after the last one
  ARGV[3] and on: four for each activity: whose, as in adapters/redis/activities.py, its id, its kind, its time in ms

  Returns OK.
]]
local function ids_in(key)
  local ids = {}
  for _, member in ipairs(redis.call("ZRANGE", key, 0, -1)) do
    ids[string.match(member, "^(.*)%z")] = true
  end
  return ids
end

redis.register_function("FUNCTION_NAME_note", function(keys, argv)
  local known = {}
  for i = 3, #argv, 4 do
    local key, id = keys[1] .. "activity:" .. argv[i], argv[i + 1]
    known[key] = known[key] or ids_in(key)
    if not known[key][id] then
      known[key][id] = true
      redis.call("ZADD", key, argv[i + 3], id .. "\0" .. argv[i + 2])
    end
  end
  for key in pairs(known) do
    redis.call("ZREMRANGEBYRANK", key, 0, -tonumber(argv[1]) - 1)
    redis.call("EXPIRE", key, argv[2])
  end
  return redis.status_reply("OK")
end)
