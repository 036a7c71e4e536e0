--[[
  store: what all verbs share in one call - the workspace's prefix, the present, and caches that live as long as the call.

  Every key starts with the prefix, which holds the hash tag, so all are in one slot:

    epoch                 string  there as long as this Redis has not forgotten
    seq                   string  the last sequence of lead-assignments
    meta                  hash    version of the policy in force, and its limits
    policies              hash    version -> canonical text, for good; dataset:<digest> string, what it looks up in
    pools                 set     all pools; pool:<name> list of rep ids, in the configuration's order
    cal                   hash    calendar -> JSON list of {at, state, midnight}
    calreps               hash    calendar ('' for none) -> JSON list of its active reps, in order
    virtual               hash    pool -> pass of the last one served (stride scheduling)
    rep:<id>              hash    a rep; theirs:<id> zset lead -> assigned at; auds:<id> set of audiences
    lead:<id>             string  a lead as JSON (see leads), or what erase left; card:<id> string, what a rep needs to call
    aud:<id>              hash    an audience; in:<id> set of members; lanes:<id> set of lanes it is in
      free:<id>           zset    lex: order key .. rep; fkey:<id> hash rep -> that member
      on:<id>, hrs:<id>   set     those on duty; those active and in hours
    auds                  set     all audiences
    used                  zset    audience -> when it was last made known or asked for
    lane:<id>             string  number of steps; q:<id>:<shelf> zset lex: queue key .. lead (shelf: see queue)
    laneuse, shelves      hash    lane -> number of open leads in it; <lane>:<shelf> -> number of leads on it
    own:<rep>             zset    lex: waiting leads that the rep comes first for; acct:<company> string, its last rep
    tried                 zset    lex: waiting leads that somebody was tried for
    waiting, open         zset    all waiting leads, all open leads -> submitted at
    timers, duty          zset    due -> kind NUL lead; due -> kind NUL rep or calendar
    sub:<id>, act:<id>    string  fences: submissions and actions that have been applied
    out                   stream  the outbox
]]
local P, now = "", 0
local facts, decided = {}, nil -- as JSON; which of them tells of the item's decision
local fence -- the key by which the item at hand counts once
local cache

local DAY, NEVER, STRIDE, SHOWN, STALE = 86400000, 9999999999999, 720720, 20, 300000
local MOST = 1000 -- arguments of one command, for Lua's stack; even, so that pairs stay together
local KEEP, KEEP_CARD = 400 * 86400, 30 * 86400 -- seconds; a lead that is over, and its card
local KEEP_ACTIONS = 30 * DAY

local function forget()
  cache = {
    rep = {}, lead = {}, card = {}, auds = {}, aud = {}, members = {}, pool = {}, today = {}, lanes = {}, limits = {},
    quoted = {}, whole = {}, company = {}, on = {}, there = {}, said = {}, bar = {}, rest = {},
    changed = {}, stale = {}, -- of reps: what is to be written still, by rep and by audience
    line = {}, -- of audiences: their first free reps, in order
  }
end

-- JSON null and the empty string of a hash field are both nil here.
local function opt(value)
  if value == nil or value == cjson.null or value == false or value == "" then return nil end
  return value
end

local function list(json)
  if not json or json == "" then return {} end
  return cjson.decode(json)
end

-- A hash as a table; false where the key is not there.
local function hash(key)
  local flat = redis.call("HGETALL", key)
  if #flat == 0 then return false end
  local out = {}
  for i = 1, #flat, 2 do out[flat[i]] = flat[i + 1] end
  return out
end

local function meta(field)
  if not cache.meta then cache.meta = hash(P .. "meta") or {} end
  return cache.meta[field]
end

-- Nil where there is none
local function limit(field)
  if cache.limits[field] == nil then cache.limits[field] = tonumber(meta(field)) or false end
  return cache.limits[field] or nil
end

-- JSON that comes again and again, read once for many calls: nobody changes what comes of it, and it depends on the
-- text alone, so it is true in every workspace
local read, reads = {}, 0

local function read_once(json)
  local known = read[json]
  if not known then
    if reads >= MOST then read, reads = {}, 0 end
    known, reads = cjson.decode(json), reads + 1
    read[json] = known
  end
  return known
end

-- A string as JSON
local function quote(text)
  local known = cache.quoted[text]
  if not known then
    known = string.find(text, '[%c"\\]') and cjson.encode(text) or '"' .. text .. '"'
    cache.quoted[text] = known
  end
  return known
end

-- A whole number as JSON; the same few instants and counts come over and over, and to print one is slow
local function whole(number)
  local known = cache.whole[number]
  if not known then
    known = string.format("%d", number)
    cache.whole[number] = known
  end
  return known
end

-- One more field of an object, where there is a value: text or a whole number
local function field(name, value)
  if value == nil then return "" end
  return ',"' .. name .. '":' .. (type(value) == "number" and whole(value) or quote(value))
end

-- A fact that is JSON already: the usual ones are put together by hand, which takes a fraction of the time of cjson
local function tell(text) facts[#facts + 1] = text end

local function fact(kind, values)
  values.t = kind
  tell(cjson.encode(values))
end

-- Is this the first time? Then it counts as applied from here on, for so many ms; an error takes that back.
local function once(key, keep)
  if not redis.call("SET", key, "1", "NX", "PX", whole(keep)) then return false end
  fence = key
  return true
end

-- It was asked too early, and is to be asked again
local function not_yet(answer)
  redis.call("DEL", fence)
  fence = nil
  return answer
end

-- Run a command with as many arguments as there are, in portions
local function at_once(command, key, arguments)
  for first = 1, #arguments, MOST do
    redis.call(command, key, unpack(arguments, first, math.min(first + MOST - 1, #arguments)))
  end
end

local function pack(kind, name) return kind .. "\0" .. name end

local function unpack_timer(member)
  local at = string.find(member, "\0", 1, true)
  return string.sub(member, 1, at - 1), string.sub(member, at + 1)
end
