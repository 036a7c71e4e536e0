--[[
  erase: forget the person behind a lead. An open lead is closed; what stays of any is its id, how often it was assigned,
  and when it was erased: a submission from before that is no more than decided (see place). The model's twin is
  domain/ledger/erase.py.

  The item's fields are those of domain/ledger/verbs.py Erase.
  Answer done.
]]
function verbs.erase(item)
  local lead = leads.get(item.lead_id) or { id = item.lead_id, state = "seen", attempt = 0, first = now }
  local state = lead.state
  if lead.sub then
    state = "closed"
    offers.assignment(lead, "closed", field("reason", "erased"))
    if leads.is_open(lead) then
      if not lead.breached then clocks.sla(lead, "cancelled", now) end
      offers.finish(lead, "closed")
    end
  end
  local left = { id = lead.id, first = lead.first, state = state, attempt = lead.attempt, erased = now }
  cache.lead[lead.id], cache.card[lead.id] = left, nil
  leads.save(left)
  later.leave(P .. "card:" .. lead.id)
  redis.call("DEL", P .. "card:" .. lead.id, P .. "activity:lead:" .. lead.id)
  return "done"
end
