-- run_eval.lua - starts an evaluation that mcp.ini configures and follows it to its end.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"

local rows = evaljob.rows

local MAX_ID = 1000
local REPLAYED = 1000           -- rows whose past is told again after a restart
local JOB_GRACE = 60            -- seconds for the job around its program's own timeout
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

-- Ends a row that is still in state `from`.
local function finish(id, from, changes)
  local row, message = evaljob.move(id, from, changes)
  if row == nil and changes.result then           -- such as one of too many levels
    local reason = "its result cannot be kept: " .. message
    row = evaljob.move(id, from, { status = "FAILED", error = reason })
  end
  if row then evaljob.tell_end(row) end
end

-- Whatever ended the job's task: its row does not stay as if it went on.
local function settle(id, outcome)
  local row = rows:get(id)
  if not row or not evaljob.alive[row.status] then return end
  if outcome == "CANCELLED" then
    local reason = "the gateway stopped it, or replaced its tools"
    finish(id, row.status, { status = "INTERRUPTED", error = reason })
  else
    finish(id, row.status, { status = "FAILED", error = "the job ended with " .. outcome })
  end
end

-- ---- a job ----

local function evaluate(job, tell_queued)
  local row = evaljob.move(job.id, "QUEUED", { status = "RUNNING", runningAt = mcp.time.iso() })
  if not row then return end          -- cancelled while it waited
  tell_queued(row)
  evaljob.tell(row, "running", row.runningAt)
  local got, message, code = mcp.evals.run {
    task = row.taskId, config = row.configId, job = job.id,
    on_line = function(line) job:progress(nil, nil, line) end,
  }
  if code == "CANCELLED" then return end
  finish(job.id, "RUNNING", outcome_of(row, got, message))
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

-- Starts the job of a row that is QUEUED. Returns true, or nil, message.
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
    run = function(job) return evaluate(job, tell_queued) end,
    on_end = function(outcome) settle(row.jobId, outcome) end,
  }
  if not id then
    if code == "LIMIT" then reason = "Too many evaluations are waiting: " .. reason end
    return nil, reason
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
      rows:delete(row.jobId)
      return nil, message
    end
  end
  return evaljob.view(row)
end

-- ---- after a restart ----

-- Tells late subscribers again what happened to a row, as far as it is known.
local function tell_past(row)
  if row.status == "DRY_RUN" or mcp.events.has_history("job/" .. row.jobId) then return end
  evaljob.tell_queued(row)
  if row.runningAt then evaljob.tell(row, "running", row.runningAt) end
  if not evaljob.alive[row.status] then evaljob.tell_end(row) end
end

-- Looks at every row once. What was RUNNING and has no job becomes INTERRUPTED. Returns the ids of
-- the newest rows, oldest first, and of those that are QUEUED, to be started anew: not the rows,
-- whose results may be large.
local function recover(alive)
  local ring, count, queued = {}, 0, {}
  for row in rows:each { only = { "jobId", "status" } } do
    count = count + 1
    ring[count % REPLAYED] = row.jobId
    local is_left = evaljob.alive[row.status] and not alive[row.jobId]
    if is_left and row.status == "RUNNING" then
      local reason = "the gateway ended while it ran"
      evaljob.move(row.jobId, "RUNNING", { status = "INTERRUPTED", error = reason })
    elseif is_left then
      queued[#queued + 1] = row.jobId
    end
  end
  local newest = {}
  for i = math.max(1, count - REPLAYED + 1), count do newest[#newest + 1] = ring[i % REPLAYED] end
  return newest, queued
end

-- Starts what waited when the gateway ended, or says in its row why not.
local function resume(row, is_told)
  if row.status ~= "QUEUED" then return end       -- cancelled meanwhile
  local has_run, ok, message = pcall(launch, row, is_told)
  if not has_run then message = tostring(ok):gsub("^[^:]+:%d+: ", "") end
  if has_run and ok then return end
  finish(row.jobId, "QUEUED", { status = "FAILED", error = message })
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
  local alive, is_told = {}, {}
  for _, id in ipairs(mcp.jobs.running()) do alive[id] = true end
  local newest, queued = recover(alive)
  for _, id in ipairs(newest) do is_told[id] = attempt(id, tell_past) end
  for _, id in ipairs(queued) do attempt(id, resume, is_told[id]) end
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
  needs       = { "exec", "state:jobs" },
  coerce      = true,
  run         = run,
  start       = start,
}
