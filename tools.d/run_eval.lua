-- run_eval.lua - starts an evaluation that mcp.ini configures and follows it to its end.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"
local orchestrator = require "orchestrator"

local rows = evaljob.rows

local MAX_ID = 1000
local REPLAYED = 1000           -- rows whose past is told again after a restart
local JOB_GRACE = 60            -- seconds for the job around its program's own timeout
local SETTLED = 60              -- seconds after which a row without a job is not just being begun
-- Bytes of a result's JSON. Twice as long when it is quoted in an answer, at worst, which the
-- default of [server] max_result lets through.
local MAX_RESULT = 1000000

-- ---- the end of a job ----

local function last_line(text)
  local line = text:match("([^\n]*)\n*$")
  return #line > 500 and line:sub(1, 500) .. " ..." or line
end

-- A table out of JSON is a list when its first key is a number; an empty one may be either.
local function is_filled(value, key_type)
  return type(value) == "table" and type(next(value)) == key_type
end

-- Makes what a program printed the result of the row. Clients rely on the kinds of four members.
local function complete(row, result)
  result.taskId, result.configId = row.taskId, row.configId
  if not is_filled(result.metrics, "string") then result.metrics = mcp.json.object() end
  if not is_filled(result.artifacts, "number") then result.artifacts = mcp.json.array() end
  local text, message = mcp.json.encode(result)
  if text and #text > MAX_RESULT then
    message = "its result has " .. #text .. " bytes, at most " .. MAX_RESULT .. " are kept"
  end
  if message then return { status = "FAILED", error = message } end
  return { status = "COMPLETED", result = result }
end

-- What the program's end means for the row.
local function outcome_of(row, got, message)
  if not got then return { status = "FAILED", error = message } end
  if got.signal then return { status = "FAILED", error = "killed by signal " .. got.signal } end
  if got.code ~= 0 then
    local reason = last_line(got.stderr)
    local error_text = "exit code " .. got.code .. (reason ~= "" and ": " .. reason or "")
    return { status = "FAILED", error = mcp.codec.utf8(error_text) }
  end
  if not got.result then
    return { status = "FAILED", error = "it printed no line that is a JSON object" }
  end
  return complete(row, got.result)
end

-- The orchestrator need not be told any more.
local function forget(id)
  rows:update(id, function(row)
    if row then row.isRemote = false end
    return row
  end)
end

-- Takes back what an orchestrator may still be working on.
local function withdraw(row)
  local ok, message, code = orchestrator.withdraw(row, forget)
  if not ok and code ~= "CONFLICT" then           -- the next look at all rows does it
    mcp.log.warn("a job cannot be taken back now", { jobId = row.jobId, reason = message })
  end
end

-- Ends a row that is still in state `from`. Returns false where the state takes no change now.
local function finish(id, from, changes)
  if changes.status == "CANCELLED" then changes.isTold = true end         -- here, below
  local row, message, code = evaljob.move(id, from, changes)
  if code == "READONLY" then return false end
  if row == nil and changes.result then           -- such as one of too many levels
    local reason = "its result cannot be kept: " .. message
    row = evaljob.move(id, from, { status = "FAILED", error = reason })
  end
  if not row then return true end
  evaljob.tell_end(row)
  if row.isRemote then withdraw(row) end
  return true
end

-- Ends the row of a job that runs. What it came to is kept through trouble with the disk, for as
-- long as the job may last.
local function conclude(id, changes)
  while not finish(id, "RUNNING", changes) do
    if not mcp.time.sleep(1) then return end
  end
end

-- Ends a row whose job has ended without doing so.
local function finish_for(row, outcome)
  if outcome == "CANCELLED" and row.isRemote and row.remoteId then
    return                                        -- it goes on there, and is followed again
  elseif row.status == "QUEUED" and (outcome == "OK" or outcome == "TIMEOUT") then
    return                                        -- it never began: the next look has it wait again
  elseif outcome == "CANCELLED" then
    local reason = "the gateway stopped it, or replaced its tools"
    finish(row.jobId, row.status, { status = "INTERRUPTED", error = reason })
  else
    finish(row.jobId, row.status, { status = "FAILED", error = "the job ended with " .. outcome })
  end
end

-- Whatever ended the job's task: its row does not stay as if it went on.
local function settle(id, outcome)
  local row = rows:get(id)
  if not row then return end
  if evaljob.alive[row.status] then
    finish_for(row, outcome)
    row = rows:get(id)
    if not row or row.status ~= "CANCELLED" then return end       -- else it was cancelled meanwhile
  end
  local taken = evaljob.take_cancelled(row)
  if taken then evaljob.tell_end(taken) end
  if row.isRemote then withdraw(row) end
end

-- ---- a job ----

local function run_program(job, row)
  local got, message, code = mcp.evals.run {
    task = row.taskId, config = row.configId, job = job.id,
    on_line = function(line) job:progress(nil, nil, line) end,
  }
  if code == "CANCELLED" then return end
  conclude(job.id, outcome_of(row, got, message))
end

-- When the time of a row that an orchestrator works on is over, on the clock of mcp.time.mono().
-- It counts on while the gateway is not there.
local function end_of(row, eval)
  local left = type(row.endsBy) == "number" and row.endsBy - mcp.time.now() or eval.timeout
  return mcp.time.mono() + math.min(left, eval.timeout)
end

local function ask_orchestrator(job, row, eval)
  local ends = end_of(row, eval)
  local got, message, code
  if not row.remoteId then
    local id
    id, message, code = orchestrator.submit(eval, row, ends)
    if id then
      local moved = evaljob.move(job.id, "RUNNING", { remoteId = id })
      row.remoteId = id                 -- also where it cannot be noted now
      if moved == false then return withdraw(row) end         -- cancelled, or gone
    end
  end
  if row.remoteId then got, message, code = orchestrator.follow(eval, row, ends, job) end
  if code == "CANCELLED" then return end
  local changes = got or { status = "FAILED", error = "the orchestrator: " .. message }
  if got and got.error then changes.error = "the orchestrator: " .. got.error end
  if got and got.result then changes = complete(row, got.result) end
  changes.isRemote, changes.remoteId = not got and code ~= "REFUSED", row.remoteId
  conclude(job.id, changes)
end

-- Has the row be RUNNING, once the state takes changes. Returns it; else it is not to begin, or not
-- now: what it waits here is taken from the job's grace, and the program's own time must be left.
local function begin(job, eval)
  local last_try = mcp.time.mono() + JOB_GRACE / 2 - 1
  while true do
    local row, _, code = evaljob.move(job.id, "QUEUED", {
      status = "RUNNING", runningAt = mcp.time.iso(),
      isRemote = eval.is_remote or nil,
      endsBy = eval.is_remote and mcp.time.now() + eval.timeout or nil,
    })
    if row or code ~= "READONLY" or mcp.time.mono() > last_try then return row end
    if not mcp.time.sleep(1) then return nil end
  end
end

local function evaluate(job, eval, tell_queued)
  local row = rows:get(job.id)
  if row and row.status == "QUEUED" then
    row = begin(job, eval)
    if not row then return end          -- cancelled while it waited, or it is to wait again
    tell_queued(row)
    evaljob.tell(row, "running", row.runningAt)
    -- Only now may it begin: what is RUNNING is not begun a second time after a crash.
    local ok, message, code = mcp.state.sync()
    if code == "CANCELLED" then return end
    if not ok then
      local reason = "it was not started, as the state cannot be kept: " .. message
      return conclude(job.id, { status = "FAILED", error = reason, isRemote = false })
    end
  elseif not row or row.status ~= "RUNNING" then
    return
  end
  if eval.is_remote then return ask_orchestrator(job, row, eval) end
  return run_program(job, row)
end

-- Why a row cannot be run, which some other program may have written; or nil.
local function flaw(row)
  for _, name in ipairs { "taskId", "configId" } do
    local id = row[name]
    if type(id) ~= "string" or id == "" or #id > MAX_ID then
      return name .. " is no text of 1 to " .. MAX_ID .. " bytes"
    end
  end
  return nil
end

-- Starts the job of a row that is QUEUED, or that an orchestrator works on. Returns true, or nil,
-- message, and perhaps code.
local function launch(row, is_told)
  local message = flaw(row)
  if message then return nil, message end
  local eval
  eval, message = mcp.evals.find(row.taskId)
  if not eval then return nil, message end
  local function tell_queued(current)
    if not is_told then evaljob.tell_queued(current) end
    is_told = true
  end
  local id, reason, code = mcp.jobs.start {
    kind = "eval", id = row.jobId, timeout = eval.timeout + JOB_GRACE,
    parallel = eval.parallel, max_queued = eval.max_queued,
    run = function(job) return evaluate(job, eval, tell_queued) end,
    on_end = function(outcome) settle(row.jobId, outcome) end,
  }
  if code == "CONFLICT" then return true end      -- a look at all rows was faster
  if not id then
    if code == "LIMIT" then reason = "Too many evaluations are waiting: " .. reason end
    return nil, reason, code
  end
  tell_queued(row)
  return true
end

-- ---- the tool ----

local function run(arguments)
  local task, config = args.text(arguments.taskId), args.text(arguments.configId)
  if not (task and config) then return nil, "taskId and configId are required" end
  if #task > MAX_ID or #config > MAX_ID then
    return nil, "taskId and configId have at most " .. MAX_ID .. " bytes"
  end
  if task:sub(1, 1) == "-" or config:sub(1, 1) == "-" then      -- or an option to the program
    return nil, 'taskId and configId must not begin with "-"'
  end
  local is_dry = arguments.dryRun
  if not is_dry then
    local eval, unknown = mcp.evals.find(task)
    if not eval then return nil, unknown end
  end

  local now = mcp.time.iso()
  local row = {
    jobId = evaljob.new_id(), taskId = task, configId = config,
    status = is_dry and "DRY_RUN" or "QUEUED", startedAt = now, updatedAt = now,
  }
  local ok, message = rows:put(row)
  if not ok then return nil, message end
  if not is_dry then
    ok, message = launch(row, false)
    if not ok then
      local _, refused, code = rows:delete(row.jobId)
      if not code then return nil, message end
      return nil, ("%s. It waits all the same, as %s, which cannot be taken back now: %s"):format(
        message, row.jobId, refused)
    end
    evaljob.tell_changed(row.jobId)
  end
  evaljob.tell_listed()
  return evaljob.view(row)
end

-- ---- after a restart ----

local function alive_jobs()
  local alive = {}
  for _, id in ipairs(mcp.jobs.running()) do alive[id] = true end
  return alive
end

-- Has the row not ended, and is no job behind it? The jobs are looked at now: calls go on while the
-- rows are gone through.
local function is_abandoned(row)
  return evaljob.alive[row.status] and not alive_jobs()[row.jobId]
end

-- Tells late subscribers again what happened to a row, as far as it is known.
local function tell_past(row)
  local is_of_now = evaljob.alive[row.status] and not is_abandoned(row)
  if row.status == "DRY_RUN" or is_of_now or not evaljob.tell_begin(row) then return end
  if not evaljob.alive[row.status] then evaljob.tell_end(row) end
end

-- Looks at every row once. What was RUNNING and has no job becomes INTERRUPTED, unless an
-- orchestrator works on it. Returns the ids of those rows and of the newest, oldest first; of those
-- that are to be started anew; and of those to be taken back: not the rows, whose results may be
-- large.
local function recover()
  local ring, count, lost, left, unwanted = {}, 0, {}, {}, {}
  for row in rows:each { only = { "jobId", "status", "isRemote", "remoteId" } } do
    count = count + 1
    ring[count % REPLAYED] = row.jobId
    local is_left = is_abandoned(row)
    local is_lost = is_left and row.status == "RUNNING" and not (row.isRemote and row.remoteId)
    if is_lost then
      local reason = "the gateway ended while it ran"
      evaljob.move(row.jobId, "RUNNING", { status = "INTERRUPTED", error = reason })
      lost[#lost + 1] = row.jobId
    elseif is_left then
      left[#left + 1] = row.jobId
    end
    if row.isRemote == true and (is_lost or not evaljob.alive[row.status]) then
      unwanted[#unwanted + 1] = row.jobId
    end
  end
  local past = lost
  for i = math.max(1, count - REPLAYED + 1), count do past[#past + 1] = ring[i % REPLAYED] end
  return past, left, unwanted
end

-- Starts what waited when the gateway ended, or says in its row why not. What an orchestrator works
-- on is followed again. Where there is no room for either, the next look at all rows does it.
local function resume(row, is_told)
  if not is_abandoned(row) then return end       -- cancelled, or begun meanwhile
  local eval = type(row.taskId) == "string" and mcp.evals.find(row.taskId)
  if row.status == "RUNNING" and not (eval and eval.is_remote) then
    local reason = "mcp.ini names no orchestrator for it any more"
    finish(row.jobId, "RUNNING", { status = "INTERRUPTED", error = reason, isRemote = false })
    return
  end
  local has_run, ok, message, code = pcall(launch, row, is_told)
  if not has_run then message = tostring(ok):gsub("^[^:]+:%d+: ", "") end
  if has_run and (ok or code == "LIMIT" or row.status == "RUNNING") then return end
  finish(row.jobId, row.status, { status = "FAILED", error = message })
end

-- Calls fn(row, ...). A row that cannot be handled does not keep the others from it.
local function attempt(id, fn, ...)
  local row = rows:get(id)
  if not row then return false end
  local ok, message = pcall(fn, row, ...)
  if not ok then
    mcp.log.warn("a job of the state cannot be handled", { jobId = id, reason = tostring(message) })
  end
  return ok
end

local function start()
  local is_told = {}
  local past, left, unwanted = recover()
  for _, id in ipairs(past) do is_told[id] = is_told[id] or attempt(id, tell_past) end
  for _, id in ipairs(left) do attempt(id, resume, is_told[id]) end
  for _, id in ipairs(unwanted) do attempt(id, withdraw) end
end

-- Has a row wait again that its job had to leave.
local function queue_again(row)
  local settled = mcp.time.iso(mcp.time.now() - SETTLED)
  if row.status == "QUEUED" and tostring(row.updatedAt) < settled then resume(row, true) end
end

-- Ends a row that its job could not end.
local function end_abandoned(row)
  if row.status ~= "RUNNING" or not is_abandoned(row) then return end
  evaljob.tell_begin(row)
  finish(row.jobId, "RUNNING", { status = "INTERRUPTED", error = "its end is not known" })
end

-- What is to be done about a row that no job takes care of, or nil. Its tools were replaced, there
-- was no room for it, or the state took no change when it was to begin or to end.
local function care_for(row)
  local is_remote = row.isRemote == true
  if row.status == "QUEUED" then return queue_again end
  if row.status ~= "RUNNING" then return is_remote and withdraw or nil end
  return is_remote and row.remoteId and resume or end_abandoned
end

local function adopt()
  local alive = alive_jobs()
  for row in rows:each { only = { "jobId", "status", "isRemote", "remoteId" } } do
    local care = not alive[row.jobId] and care_for(row)
    if care then attempt(row.jobId, care, true) end
  end
end

return mcp.tool {
  name        = "run_eval",
  title       = "Run an evaluation",
  description = "Start the evaluation configured for a task, in the background. Returns the "
    .. "job's id at once: ask `status` for its state and result, or listen to "
    .. "GET /sse?topic=job/ID. A dry run starts nothing.",
  input = {
    type = "object",
    properties = {
      taskId   = { type = "string", description = "What to evaluate, such as a suite's name." },
      configId = { type = "string", description = "How: passed on to the evaluation." },
      dryRun   = { type = "boolean", default = false },
    },
    required = { "taskId", "configId" },
  },
  annotations = { readOnlyHint = false, destructiveHint = false, openWorldHint = false },
  needs       = { "exec", "http?", "state:jobs" },
  coerce      = true,
  run         = run,
  start       = start,
  every       = { "1m", adopt },
}
