--[[
  breaches: what the passing of time brings to a lead that nobody touched. The model's twin is domain/ledger/breaches.py.
]]
local breaches = {}

local function asks(lead, what)
  for _, one in ipairs(lead.clock and lead.clock.on_breach or {}) do
    if one == what then return true end
  end
  return false
end

local function tell_manager(lead, about)
  local own = lead.rep and reps.get(lead.rep).manager
  offers.notify(lead, "sla_breach", "manager", own or lead.escalate_to, about)
end

function breaches.remind(lead) offers.notify(lead, "reminder", "rep", lead.rep, "") end

function breaches.warn(lead, index)
  local threshold = lead.clock.warn_at[index + 1][1]
  lead.warned[#lead.warned + 1] = threshold
  leads.save(lead)
  clocks.sla(lead, "warned", now, { threshold = threshold })
  local role, to = "manager", lead.escalate_to
  if lead.rep then
    role, to = "rep", lead.rep
  end
  offers.notify(lead, "sla_warning", role, to, string.format("%s:%g", lead.sub, threshold))
end

-- Say that the clock ran out; the caller saves the lead
function breaches.tell(lead)
  lead.breached = true
  clocks.sla(lead, "breached", now)
  if lead.rep then offers.notify(lead, "sla_breach", "rep", lead.rep, lead.sub) end
  if asks(lead, "notify_manager") then tell_manager(lead, lead.sub) end
end

-- Say that the clock ran out, and move the lead on where the target asks for it and somebody else can take it
function breaches.breach(lead)
  lead.overdue = true
  breaches.tell(lead)
  queue.stand(lead)
  leads.save(lead)
  local movable = (lead.state == "held" and asks(lead, "reassign")) or (lead.rep and asks(lead, "reassign_always"))
  if movable and choices.somebody_else(lead) then
    local holder = reps.get(lead.rep)
    offers.unassign(lead, "breached")
    queue.settle({ holder }, false)
  end
end

-- Give up a lead that nobody touched: it must not cost a rep's capacity for ever
function breaches.abandon(lead)
  offers.assignment(lead, "closed", field("reason", "abandoned"))
  if not lead.breached then clocks.sla(lead, "cancelled", now) end
  tell_manager(lead, "abandoned:" .. lead.sub)
  offers.finish(lead, "closed")
end
