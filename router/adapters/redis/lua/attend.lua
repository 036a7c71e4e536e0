--[[
  attend: a rep's presence. The newest `at` wins, an older one changes nothing; a heartbeat only renews the ttl.
  One from a clock that is ahead is held to now, so that it silences nothing said later; how far ahead it was tells which
  of two such that come at one instant is the newer.

  The item's fields are those of domain/ledger/verbs.py Attend.
  Answers done | repeat | unknown_rep.
]]
function verbs.attend(item)
  local rep = reps.get(item.rep_id)
  if not rep then return "unknown_rep" end
  local at = math.min(item.at, now)
  local ahead = item.at - at
  if at < rep.seen_at or (at == rep.seen_at and ahead <= rep.ahead) then return "repeat" end
  rep.seen_at, rep.ahead = at, ahead
  local until_ = item.ttl > 0 and at + item.ttl or 0
  local expired = until_ > 0 and until_ <= now
  if item.heartbeat then
    if rep.status ~= "offline" then
      if expired then
        leave(rep, "offline")
      else
        expire_at(rep, until_)
      end
    end
    reps.save(rep)
    return "done"
  end
  local status = expired and "offline" or item.status
  if status == "away" or status == "offline" then
    leave(rep, status)
    expire_at(rep, expired and 0 or until_)
    reps.save(rep)
    return "done"
  end
  local turned = status == "available" and rep.status ~= "available" and rep or nil
  rep.status = status
  expire_at(rep, until_)
  local left = reps.refresh(rep)
  queue.settle({ rep }, left, turned)
  return "done"
end
