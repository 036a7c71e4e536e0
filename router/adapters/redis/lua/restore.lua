--[[
  restore: makes a ledger that is lost again, in portions, while one process holds the lease to do it. Nothing here is
  asked of a ledger that is in use: as long as there is an `epoch` all but `retire` is refused. It is written last.

  KEYS[1] the workspace's prefix
  ARGV[1] now in ms, or '' for the server's own time
  ARGV[2] the publisher of what follows from going on
  ARGV[3] the holder of the lease; an error LEASE where that is somebody else by now
  ARGV[4] how long the lease goes on, in ms
  ARGV[5] and on: items as JSON, each with its `put`, in this order
    retire    end the ledger that is there: whoever asks it for anything is told that it forgot
    clear     {cursor}: delete a part of what is left; its answer is the next cursor, '0' at the end
    policy    {install}: as verbs.install, of a ledger without leads
    rep       {rep}: domain/ledger/state.py Rep, where they are and what their turn is
    virtual   {pools}: pool -> pass of the last one served
    lead      {lead, timers, loose, kept}: state.py Lead with [kind, due] each, whether it must go on at once, and for
              how many seconds one that is over is kept: such a one has of what it was brought with sub, submitted, policy
    account   {companies}: company -> the rep who had it last
    ids       {submissions, actions}: id -> for how many ms it is remembered
    epoch     {epoch, sequence, resume}: write what makes it a ledger, and go on by verbs.resume

  Returns {code, facts as JSON, outbox id or '', ''} for each item, as `apply` does.
]]
local put = {}

local LEDGER = { -- the names of `store`: whole ones, and those that are followed by an id
  whole = {
    "seq", "meta", "pools", "reps", "cal", "calreps", "virtual", "auds", "used", "laneuse", "shelves",
    "tried", "waiting", "open", "timers", "duty", "out",
  },
  each = {
    "pool", "rep", "theirs", "auds", "lead", "card", "aud", "in", "free", "fkey", "on", "hrs", "lanes", "lane", "q",
    "own", "acct", "sub", "act",
  },
}

local function is_of_ledger(name)
  for _, known in ipairs(LEDGER.whole) do
    if name == known then return true end
  end
  local kind = string.match(name, "^([^:]+):")
  for _, known in ipairs(LEDGER.each) do
    if kind == known then return true end
  end
  return false
end

function put.clear(item)
  local pattern = string.gsub(P, "[%[%]*?\\]", "\\%0") .. "*"
  local answer = redis.call("SCAN", item.cursor, "MATCH", pattern, "COUNT", MOST)
  for _, key in ipairs(answer[2]) do
    if is_of_ledger(string.sub(key, #P + 1)) then redis.call("UNLINK", key) end
  end
  forget()
  return answer[1]
end

function put.policy(item) return verbs.install(item.install) end

-- Twice: to come on duty levels the passes, and they are as they were
function put.rep(item)
  local rep = reps.get(item.rep.id) or newcomer(item.rep.id)
  redis.call("SADD", P .. "reps", rep.id)
  for _, name in ipairs({ "status", "seen_at", "ahead", "turn", "misses", "day", "today" }) do rep[name] = item.rep[name] end
  expire_at(rep, item.rep["until"])
  reps.refresh(rep)
  rep.passes = item.rep.passes
  reps.refresh(rep)
  return "done"
end

function put.virtual(item)
  for pool, pass in pairs(item.pools) do redis.call("HSET", P .. "virtual", pool, string.format("%d", pass)) end
  return "done"
end

function put.lead(item)
  local lead = {}
  for name, value in pairs(item.lead) do
    if value ~= cjson.null then lead[name] = value end
  end
  lead.step_list, lead.steps = lead.steps, nil
  cache.lead[lead.id] = lead
  local card = lead.card
  lead.card = nil
  if not (item.loose or leads.is_open(lead)) then
    leads.save(lead, item.kept)
    return "done"
  end
  put_card(lead, { card = card, quoted = cjson.encode(card) })
  enter_lane(lead)
  later.put(P .. "open", lead.id, lead.submitted)
  for _, timer in ipairs(item.timers) do clocks.set(timer[1], lead, timer[2]) end
  if lead.rep then
    local rep = reps.get(lead.rep)
    later.put(P .. "theirs:" .. rep.id, lead.id, lead.assigned_at)
    rep.load = rep.load + 1
    reps.refresh(rep)
  end
  queue.stand(lead)
  leads.save(lead)
  return "done"
end

function put.account(item)
  for company, rep in pairs(item.companies) do redis.call("SET", P .. "acct:" .. company, rep, "EX", KEEP) end
  return "done"
end

function put.ids(item)
  for id, left in pairs(item.submissions) do redis.call("SET", P .. "sub:" .. id, "1", "PX", left) end
  for id, left in pairs(item.actions) do redis.call("SET", P .. "act:" .. id, "1", "PX", left) end
  return "done"
end

function put.epoch(item)
  redis.call("SET", P .. "seq", string.format("%d", item.sequence))
  redis.call("SET", P .. "epoch", item.epoch)
  advance()
  return verbs.resume(item.resume)
end

-- Also where it has run out, as long as nobody else has taken it since: a process may stand still for a while
local function holds_lease(who)
  local holder = redis.call("GET", P .. "rebuild")
  return holder == who or (not holder and redis.call("GET", P .. "rebuilder") == who)
end

redis.register_function("FUNCTION_NAME_restore", function(keys, argv)
  P = keys[1]
  if not holds_lease(argv[3]) then return redis.error_reply("LEASE somebody else rebuilds") end
  redis.call("SET", P .. "rebuild", argv[3], "PX", argv[4])
  read_time(argv[1])
  begin()
  local out = {}
  for i = 5, #argv do
    local item = cjson.decode(argv[i])
    if item.put == "retire" then
      redis.call("DEL", P .. "epoch")
      out[#out + 1] = { "done", "[]", "", "" }
    elseif redis.call("EXISTS", P .. "epoch") == 1 then
      return redis.error_reply("THERE a ledger is here already")
    else
      local code = put[item.put](item)
      flush()
      out[#out + 1] = answer(code, argv[2], "", "", "")
    end
  end
  return out
end)
