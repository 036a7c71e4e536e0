--[[
  resume: go on after a rebuild - what is held by nobody who may hold it goes on, and everybody who waits is looked at
  again. The model's twin is domain/ledger/install.py.

  The item's fields are those of domain/ledger/verbs.py Resume. Answers done.
]]
function verbs.resume(item)
  local everybody = {}
  for i, id in ipairs(redis.call("SMEMBERS", P .. "reps")) do everybody[i] = reps.get(id) end
  table.sort(everybody, by_order)
  for _, rep in ipairs(everybody) do
    if not rep.active or rep.status == "away" or rep.status == "offline" then take_back(rep) end
  end
  for _, id in ipairs(item.loose) do
    local lead = leads.get(id)
    if lead.state == "seen" then offers.offer(lead) end
  end
  queue.settle(everybody, true)
  return "done"
end
