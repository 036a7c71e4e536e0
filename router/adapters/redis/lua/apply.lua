--[[
  apply: the ledger's one function. Applies each item as one atomic step and appends what follows from it to the outbox.

  KEYS[1] the workspace's prefix with its hash tag, such as {default}:
  ARGV[1] now in ms, or '' for the server's own time
  ARGV[2] the publisher, who will publish the outbox entries and remove them
  ARGV[3] the epoch that the caller knows this ledger by, or '' for any
  ARGV[4] a sequence that the caller knows to have been
  ARGV[5] and on: six for each item, as in adapters/redis/items.py: JSON with its `verb`, and of a `place` what the lead
          keeps, its way, the decision, the card, and the card as a JSON string

  Returns, for each item, {code, facts as JSON, outbox id or '', message of an `error`}. A ledger that is gone, another
  one than the caller knows, or one that has gone back behind what was, answers with the error FORGOT before anything is
  changed.
]]
local function read_time(given)
  if given == "" then
    local time = redis.call("TIME")
    now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
  else
    now = tonumber(given)
  end
end

local function begin()
  forget()
  later.forget()
  facts, decided = {}, nil
end

-- Put the facts so far in the outbox, and return the answer that tells of them
local function answer(code, publisher, decision, trace, message)
  local json, entry = "[]", ""
  if #facts > 0 then
    json = "[" .. table.concat(facts, ",") .. "]"
    entry = redis.call("XADD", P .. "out", "*", "p", publisher, "f", json, "d", decision, "h", trace)
    facts, decided = {}, nil
  end
  return { code, json, entry, message }
end

local function item_at(argv, i)
  local item = cjson.decode(argv[i])
  item.brought, item.way, item.decision = argv[i + 1], argv[i + 2], argv[i + 3]
  item.card, item.quoted = argv[i + 4], argv[i + 5]
  return item
end

-- What the item wrote before it failed stands, and so do its facts: a sequence once taken must appear. But the item
-- itself may come again, and the decision that speaks for it is then another one.
local function failed()
  flush()
  forget()
  if fence then redis.call("DEL", fence) end
  if decided then table.remove(facts, decided) end
end

redis.register_function("FUNCTION_NAME", function(keys, argv)
  P = keys[1]
  local known = redis.call("MGET", P .. "epoch", P .. "seq")
  if not known[1] then return redis.error_reply("FORGOT no ledger here") end
  if argv[3] ~= "" and argv[3] ~= known[1] then return redis.error_reply("FORGOT another ledger is here") end
  if tonumber(known[2] or 0) < tonumber(argv[4]) then return redis.error_reply("FORGOT the ledger has gone back") end
  read_time(argv[1])
  begin()
  advance()
  local out = {}
  for i = 5, #argv, 6 do
    local trace = ""
    fence = nil
    local ok, code = pcall(function()
      local item = item_at(argv, i)
      trace = opt(item.trace) or ""
      return verbs[item.verb](item)
    end)
    local message = ""
    if not ok then
      failed()
      code, message = "error", tostring(code)
    end
    out[#out + 1] = answer(code, argv[2], ok and decided and argv[i + 3] or "", trace, message)
  end
  flush()
  return out
end)
