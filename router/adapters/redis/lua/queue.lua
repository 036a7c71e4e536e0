--[[
  queue: where leads wait, and who is served next.

  A waiting lead stands in one index: that of its lane (the tuple of its steps), of the steps that time has opened, and
  of whether anybody was tried for it (shelf `2` or `2t`; `p` for the parked).
  "Nobody on duty in this step" opens the next one for the whole lane and moves nothing. It stands in the index of each
  of its owners too.
]]
local queue, offers = {}, {}

-- Take the lead out of the queue's indexes, where it stands in one
function queue.leave(lead)
  if not lead.place then return end
  local shelf, key = string.match(lead.place, "^([^:]+):(.*)$")
  later.drop(P .. "q:" .. lead.lane .. ":" .. shelf, key)
  later.add(P .. "shelves", lead.lane .. ":" .. shelf, -1)
  later.drop(P .. "tried", key)
  for _, id in ipairs(lead.owners) do later.drop(P .. "own:" .. id, key) end
  later.drop(P .. "waiting", lead.id)
  if cache.waiting then cache.waiting = cache.waiting - 1 end
  lead.place = nil
end

-- Stand where step, urgency and priority now say; call it again after any of them changed
function queue.stand(lead)
  queue.leave(lead)
  if lead.state ~= "waiting" then return end
  local key = leads.queue_key(lead)
  local shelf = lead.parked and "p" or lead.reach .. (next(lead.tried) and "t" or "")
  later.put(P .. "q:" .. lead.lane .. ":" .. shelf, key, 0)
  later.add(P .. "shelves", lead.lane .. ":" .. shelf, 1)
  later.put(P .. "waiting", lead.id, lead.submitted)
  if cache.waiting then cache.waiting = cache.waiting + 1 end
  if next(lead.tried) and not lead.parked then later.put(P .. "tried", key, 0) end
  for _, id in ipairs(lead.owners) do later.put(P .. "own:" .. id, key, 0) end
  lead.place = shelf .. ":" .. key
end

local function head(index)
  later.write(index.key)
  return redis.call("ZRANGE", index.key, index.after and "(" .. index.after or "-", "+", "BYLEX", "LIMIT", 0, 1)[1]
end

-- The steps of a lane, read from its name
local function steps_of(lane)
  local out = {}
  for audience, mark in string.gmatch(lane, "([^,]+)([+-])") do
    out[#out + 1] = { audience = audience, holds = mark == "+" }
  end
  return out
end

local NOBODY = {}

-- Up to which step is a lead served that time has opened 'reach' steps for, if nobody was tried for it?
local function opened(steps, reach)
  while reach < #steps do
    local step = steps[reach]
    if step.holds and reps.may_become_free(step.audience, NOBODY) then break end
    reach = reach + 1
  end
  return reach
end

-- The lanes that any of 'them' is in: lane -> its steps, and the first of them at which one is
local function lanes_of(them)
  local out, seen = {}, {}
  for _, rep in ipairs(them) do
    for _, audience in ipairs(reps.audiences(rep.id)) do
      for _, lane in ipairs(seen[audience] and {} or redis.call("SMEMBERS", P .. "lanes:" .. audience)) do
        out[lane] = out[lane] or { steps = steps_of(lane), at = math.huge }
        for index, step in ipairs(out[lane].steps) do
          if step.audience == audience then out[lane].at = math.min(out[lane].at, index) end
        end
      end
      seen[audience] = true
    end
  end
  return out
end

-- Those of the shelves on which a lead stands
local function in_use(shelves)
  local out = {}
  later.write(P .. "shelves")
  for first = 1, #shelves, MOST do
    local last = math.min(first + MOST - 1, #shelves)
    for i, count in ipairs(redis.call("HMGET", P .. "shelves", unpack(shelves, first, last))) do
      if count and count ~= "0" then out[#out + 1] = shelves[first + i - 1] end
    end
  end
  return out
end

-- The indexes in which a lead stands that a change of 'them' may make servable. Most lanes end in the same last step;
-- while the steps before it hold their leads back, they are not looked into.
local function indexes(them, with_parked)
  local out, shelves = {}, {}
  local lanes = lanes_of(them)
  for lane, found in pairs(lanes) do
    for reach = 1, #found.steps do
      shelves[#shelves + 1] = lane .. ":" .. reach
      shelves[#shelves + 1] = lane .. ":" .. reach .. "t"
    end
    if with_parked then shelves[#shelves + 1] = lane .. ":p" end
  end
  for _, shelf in ipairs(in_use(shelves)) do
    local lane, reach = string.match(shelf, "^(.*):(%d+)$") -- nobody was tried for these
    if not lane or opened(lanes[lane].steps, tonumber(reach)) >= lanes[lane].at then
      out[#out + 1] = { key = P .. "q:" .. shelf }
    end
  end
  for _, rep in ipairs(them) do out[#out + 1] = { key = P .. "own:" .. rep.id } end
  return out
end

local function turned_takes(lead, turned)
  if not turned or reps.obstacle(turned) then return nil end
  local index = choices.home(lead, turned.id)
  return (index or choices.owner(lead, turned.id)) and { step = index, rep = turned, opened = #lead.step_list }
end

--[[
  Serve the queue, in its order, until nobody who is free may take a lead that waits.
    them     those who changed; only their lanes can have become servable
    left     somebody of them has gone off duty: also those already tried may now be the only ones there
    turned   the one whose status has just turned to available, who may take what has had all its attempts
  Where a lead that nobody was tried for finds nobody, the rest of its index will not either: their owners, if they
  changed, have indexes of their own.
]]
function queue.settle(them, left, turned)
  if not cache.waiting then
    later.write(P .. "waiting")
    cache.waiting = redis.call("ZCARD", P .. "waiting")
  end
  if cache.waiting == 0 then return end
  local again = left
  if not left then
    again = {}
    for _, rep in ipairs(them) do again[rep.id] = true end
  end
  local open = indexes(them, turned ~= nil)
  if left then open[#open + 1] = { key = P .. "tried" } end
  while #open > 0 do
    local best
    for i = #open, 1, -1 do
      open[i].head = open[i].head or head(open[i])
      if not open[i].head then table.remove(open, i) end
    end
    for i, index in ipairs(open) do
      if not best or index.head < open[best].head then best = i end
    end
    if not best then return end
    local index = open[best]
    local lead = leads.get(leads.of_key(index.head))
    local choice
    if lead.state ~= "waiting" then
      choice = nil -- taken through another index of this call
    elseif lead.parked then
      choice = turned_takes(lead, turned)
    else
      choice = choices.pick(lead, choices.reach(lead, false), again)
    end
    if choice then offers.assign(lead, choice) end
    if choice or lead.parked or next(lead.tried) or lead.state ~= "waiting" then
      index.after, index.head = index.head, nil
    else
      table.remove(open, best)
    end
  end
end
