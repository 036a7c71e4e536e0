--[[
  choices: who could take a lead, and who does. The model's twin is domain/ledger/choices.py, where the rules are told.
]]
local choices = {}

-- How many steps are open; with 'timed' also those that the lead is old enough for
function choices.reach(lead, timed)
  local opened = lead.reach
  while opened < #lead.step_list do
    local step = lead.step_list[opened]
    local widen = opt(step.widen_after)
    local aged = not widen or (timed and now >= lead.submitted + widen)
    if not aged and reps.may_become_free(step.audience, lead.tried) then break end
    opened = opened + 1
  end
  return opened
end

local function size(set)
  local n = 0
  for _ in pairs(set) do n = n + 1 end
  return n
end

-- Up to 'count' free reps of an audience who have not been tried, in the order they are offered the lead
local function untried_free(lead, audience, count)
  local out = {}
  for _, id in ipairs(reps.free(audience, count + size(lead.tried))) do
    if not lead.tried[id] and #out < count then out[#out + 1] = id end
  end
  return out
end

local function first_untried(lead, audience)
  if not next(lead.tried) then return reps.first(audience) end
  return untried_free(lead, audience, 1)[1]
end

-- The owner of the lead, where 'id' is one and could take it now
function choices.owner(lead, id)
  for _, known in ipairs(lead.owners) do
    local rep = known == id and reps.get(id)
    if rep and reps.may_own(rep) then return rep end
  end
  return nil
end

-- The first step whose audience the rep is in
function choices.home(lead, id)
  for index, step in ipairs(lead.step_list) do
    if reps.is_in(step.audience, id) then return index end
  end
  return nil
end

-- May the rep, who was tried, take the lead now, and by which of the 'opened' steps?
local function able(lead, opened, id)
  if choices.owner(lead, id) then return true, choices.home(lead, id) end
  for index = 1, math.min(opened, #lead.step_list) do
    if reps.is_free(lead.step_list[index].audience, id) then return true, index end
  end
  return false
end

-- Who gets the lead: an owner, or somebody within the 'opened' steps; of those tried only one in 'again' (true: any);
-- nil: nobody now
function choices.pick(lead, opened, again)
  for _, id in ipairs(lead.owners) do
    local rep = not lead.tried[id] and choices.owner(lead, id)
    if rep then return { step = choices.home(lead, id), rep = rep, opened = opened } end
  end
  for index = 1, math.min(opened, #lead.step_list) do
    local first = first_untried(lead, lead.step_list[index].audience)
    if first then return { step = index, rep = reps.get(first), opened = opened } end
  end
  if not next(lead.tried) then return nil end
  for _, step in ipairs(lead.step_list) do
    if reps.untried_on_duty(step.audience, lead.tried) then return nil end
  end
  local best
  for id, at in pairs(lead.tried) do
    local sooner = not best or at < best.at or (at == best.at and id < best.id)
    if sooner and (again == true or again[id]) and now >= at + limit("retry_after") then
      local yes, index = able(lead, opened, id)
      if yes then best = { at = at, id = id, step = index } end
    end
  end
  return best and { step = best.step, rep = reps.get(best.id), opened = opened }
end

-- Could another rep than the holder take the lead in this same call?
function choices.somebody_else(lead)
  if lead.tries + 1 >= limit("max_attempts") then return false end
  local tried, reach, holder = lead.tried[lead.rep], lead.reach, lead.rep
  lead.tried[holder], lead.reach = now, 1
  local choice = choices.pick(lead, choices.reach(lead, true), true)
  lead.tried[holder], lead.reach = tried, reach
  return choice ~= nil
end

local function code(lead, id, current)
  local own = reps.obstacle(reps.get(id))
  cache.bar[id] = own or false
  if own then return own end
  local index = choices.home(lead, id)
  if not index then return "no_match" end
  if lead.tried[id] then return "already_tried" end
  return index <= current and "eligible" or "later_step"
end

local function as_json(id, why) return "[" .. quote(id) .. ',"' .. why .. '"]' end

-- The members of the steps' pools who are not 'listed' yet, and why; at most 20 with those in 'out', to which they go
local function others(lead, current, listed, out)
  for _, step in ipairs(lead.step_list) do
    for _, id in ipairs(#out < SHOWN and reps.pool(step.pool) or {}) do
      if #out >= SHOWN then return end
      if not listed[id] then
        listed[id] = true
        out[#out + 1] = as_json(id, code(lead, id, current))
      end
    end
  end
end

-- The same where the first in line of a step gets the lead, which is the rule: the line as it stands, and the others,
-- who stay the same for all leads of the lane until somebody is free who was not, or the other way round
local function candidates_in_line(lead, index)
  local audience = lead.step_list[index].audience
  local line, count, change = reps.free_shown(audience)
  if count >= SHOWN then return line, count end
  local name = table.concat({ lead.lane, index, change }, " ")
  local rest = cache.rest[name]
  if not rest then
    local out, listed = {}, {}
    for i, id in ipairs(reps.free(audience, count)) do
      listed[id], out[i] = true, ""
    end
    others(lead, index, listed, out)
    rest = { said = table.concat(out, ",", count + 1), named = #out }
    cache.rest[name] = rest
  end
  return rest.said == "" and line or line .. "," .. rest.said, rest.named
end

-- JSON of {rep, code}: who gets the lead, those next in line in the same step, then the others and why not; at most 20.
-- And how many they are
function choices.candidates(lead, choice)
  if not next(lead.tried) and #lead.owners == 0 then
    for index = 1, math.min(choice.opened, #lead.step_list) do
      local first = reps.first(lead.step_list[index].audience)
      if first == choice.rep.id and index == choice.step then
        local said, named = candidates_in_line(lead, index)
        return "[" .. said .. "]", named
      end
      if first then break end
    end
  end
  local out, listed, current = { as_json(choice.rep.id, "eligible") }, { [choice.rep.id] = true }, choice.opened
  local put = function(id, why)
    if not listed[id] and #out < SHOWN then
      listed[id] = true
      out[#out + 1] = as_json(id, why)
    end
  end
  for _, id in ipairs(lead.owners) do
    if not lead.tried[id] and choices.owner(lead, id) then put(id, "eligible") end
  end
  for index = 1, math.min(choice.opened, #lead.step_list) do
    local free = untried_free(lead, lead.step_list[index].audience, SHOWN)
    if #free > 0 then
      current = index
      for _, id in ipairs(free) do put(id, "eligible") end
      break
    end
  end
  others(lead, current, listed, out)
  return "[" .. table.concat(out, ",") .. "]", #out
end
