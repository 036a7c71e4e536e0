--[[
  activities: what is known of several people's and companies' behaviour, in one call. Reads only.

  KEYS[1] the workspace's prefix
  ARGV[1] and on: whose, as in adapters/redis/activities.py

  Returns, for each, the members and scores of its sorted set.
]]
redis.register_function({
  function_name = "FUNCTION_NAME_activities",
  flags = { "no-writes" },
  callback = function(keys, argv)
    local out = {}
    for i, whose in ipairs(argv) do
      out[i] = redis.call("ZRANGE", keys[1] .. "activity:" .. whose, 0, -1, "WITHSCORES")
    end
    return out
  end,
})
