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
  redis.call("ZREM", P .. "q:" .. lead.lane .. ":" .. shelf, key)
  redis.call("ZREM", P .. "tried", key)
  for _, id in ipairs(lead.owners) do redis.call("ZREM", P .. "own:" .. id, key) end
  redis.call("ZREM", P .. "waiting", lead.id)
  lead.place = nil
end

-- Stand where step, urgency and priority now say; call it again after any of them changed
function queue.stand(lead)
  queue.leave(lead)
  if lead.state ~= "waiting" then return end
  local key = leads.queue_key(lead)
  local shelf = lead.parked and "p" or lead.reach .. (next(lead.tried) and "t" or "")
  redis.call("ZADD", P .. "q:" .. lead.lane .. ":" .. shelf, 0, key)
  redis.call("ZADD", P .. "waiting", lead.submitted, lead.id)
  if next(lead.tried) and not lead.parked then redis.call("ZADD", P .. "tried", 0, key) end
  for _, id in ipairs(lead.owners) do redis.call("ZADD", P .. "own:" .. id, 0, key) end
  lead.place = shelf .. ":" .. key
end

local function head(index)
  return redis.call("ZRANGE", index.key, index.after and "(" .. index.after or "-", "+", "BYLEX", "LIMIT", 0, 1)[1]
end

-- The indexes that leads wait in for any of the audiences of 'them'
local function indexes(them, with_parked)
  local seen, out = {}, {}
  for _, rep in ipairs(them) do
    for _, audience in ipairs(reps.audiences(rep.id)) do
      for _, lane in ipairs(redis.call("SMEMBERS", P .. "lanes:" .. audience)) do
        if not seen[lane] then
          seen[lane] = true
          local steps = tonumber(redis.call("GET", P .. "lane:" .. lane))
          for k = 1, steps do
            out[#out + 1] = { key = P .. "q:" .. lane .. ":" .. k }
            out[#out + 1] = { key = P .. "q:" .. lane .. ":" .. k .. "t" }
          end
          if with_parked then out[#out + 1] = { key = P .. "q:" .. lane .. ":p" } end
        end
      end
    end
    out[#out + 1] = { key = P .. "own:" .. rep.id }
  end
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
  if redis.call("EXISTS", P .. "waiting") == 0 then return end
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
