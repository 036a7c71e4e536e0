--[[
  close: what became of a lead. `won`, `lost` and `disqualified` close an open one; for any other it is only recorded.

  The item's fields are those of domain/ledger/verbs.py Close.
  Answers done | repeat | unknown_lead.
]]
local CLOSING = { won = true, lost = true, disqualified = true }

function verbs.close(item)
  if not once(P .. "act:close:" .. item.outcome_id, KEEP_ACTIONS) then return "repeat" end
  local lead = leads.get(item.lead_id)
  if not lead then return not_yet("unknown_lead") end
  if not CLOSING[item.outcome] or not leads.is_open(lead) or item.at < lead.opened - STALE then return "done" end
  offers.assignment(lead, "closed", field("reason", item.outcome))
  if not lead.breached then clocks.sla(lead, "cancelled", now) end
  offers.finish(lead, "closed")
  return "done"
end
