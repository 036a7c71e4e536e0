--[[
  later: what a call writes is gathered and written at its end, or before somebody reads it. A batch of leads is then one
  ZADD a sorted set, one MSET and one SET of the sequence, instead of so many a lead.

  That is safe as a call is one atomic step. Nothing of it is refused halfway: where memory or the disk is full Redis
  refuses a function that may write before it begins.
]]
local later = {}
local strings, scores, counts, turn, last -- what is to be written; the sequence now and as it was read

function later.forget()
  strings, scores, counts, turn, last = {}, {}, {}, nil, nil
end

-- A string without an end
function later.set(key, value) strings[key] = value end

-- A string, written in this call or before, ends after so many seconds
function later.expire(key, seconds)
  local value = strings[key]
  strings[key] = nil
  if value then redis.call("SET", key, value, "EX", seconds) else redis.call("EXPIRE", key, seconds) end
end

-- The key is written by somebody else
function later.leave(key) strings[key] = nil end

function later.put(key, member, score)
  local known = scores[key]
  if not known then
    known = {}
    scores[key] = known
  end
  known[member] = score
end

function later.drop(key, member) later.put(key, member, false) end

-- Has the member been put or dropped since the sorted set was written last?
function later.touched(key, member)
  return scores[key] ~= nil and scores[key][member] ~= nil
end

function later.add(key, field, count)
  counts[key] = counts[key] or {}
  counts[key][field] = (counts[key][field] or 0) + count
end

-- The next sequence
function later.turn()
  if not turn then
    turn = tonumber(redis.call("GET", P .. "seq") or 0)
    last = turn
  end
  turn = turn + 1
  return turn
end

-- The last one that was taken in this call
function later.now() return turn end

local function write_scores(key, known)
  local put, gone = {}, {}
  for member, score in pairs(known) do
    if score then
      put[#put + 1], put[#put + 2] = score, member
    else
      gone[#gone + 1] = member
    end
  end
  at_once("ZREM", key, gone)
  at_once("ZADD", key, put)
end

local function write_counts(key, known)
  for field, count in pairs(known) do
    if count ~= 0 then redis.call("HINCRBY", key, field, count) end
  end
end

-- Write what is gathered of one key; whoever reads it asks for that first
function later.write(key)
  local known = scores[key]
  if known then
    scores[key] = nil
    write_scores(key, known)
  end
  known = counts[key]
  if known then
    counts[key] = nil
    write_counts(key, known)
  end
end

-- Write it all: first the sequence, which facts in the outbox have already
function later.flush()
  if turn ~= last then redis.call("SET", P .. "seq", string.format("%d", turn)) end
  local pairs_ = {}
  for key, value in pairs(strings) do pairs_[#pairs_ + 1], pairs_[#pairs_ + 2] = key, value end
  for first = 1, #pairs_, MOST do
    redis.call("MSET", unpack(pairs_, first, math.min(first + MOST - 1, #pairs_)))
  end
  for key, known in pairs(scores) do write_scores(key, known) end
  for key, known in pairs(counts) do write_counts(key, known) end
  later.forget()
end
