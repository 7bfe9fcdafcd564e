-- run_eval.lua - starts an evaluation that mcp.ini configures and follows it to its end.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"

local rows = evaljob.rows

local MAX_ID = 1000
local REPLAYED = 1000           -- rows whose past is told again after a restart
local JOB_GRACE = 60            -- seconds for the job around its program's own timeout

-- ---- the end of a job ----

local function last_line(text)
  local line = text:match("([^\n]*)\n*$")
  return #line > 500 and line:sub(1, 500) .. " ..." or line
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
  local result = got.result
  if not result then
    return { status = "FAILED", error = "it printed no line that is a JSON object" }
  end
  result.taskId, result.configId = row.taskId, row.configId
  if type(result.metrics) ~= "table" then result.metrics = mcp.json.object() end
  if type(result.artifacts) ~= "table" then result.artifacts = mcp.json.array() end
  return { status = "COMPLETED", result = result }
end

-- Ends a row that is still in state `from`.
local function finish(id, from, changes)
  local row = evaljob.move(id, from, changes)
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

-- Starts the job of a row that is QUEUED. Returns true, or nil, message.
local function launch(row, is_told)
  local eval, message = mcp.evals.find(row.taskId)
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
  local is_dry = args.flag(arguments.dryRun)
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

-- Rows that are not over, and have no job: what was RUNNING becomes INTERRUPTED. Returns those that
-- are QUEUED, to be started anew.
local function recover(alive)
  local queued = {}
  for row in rows:each() do
    local is_left = evaljob.alive[row.status] and not alive[row.jobId]
    if is_left and row.status == "RUNNING" then
      local reason = "the gateway ended while it ran"
      evaljob.move(row.jobId, "RUNNING", { status = "INTERRUPTED", error = reason })
    elseif is_left then
      queued[#queued + 1] = row
    end
  end
  return queued
end

local function start()
  local alive = {}
  for _, id in ipairs(mcp.jobs.running()) do alive[id] = true end
  local queued = recover(alive)
  local newest = assert(rows:list { newest = true, limit = REPLAYED })
  local is_told = {}
  for i = #newest, 1, -1 do
    tell_past(newest[i])
    is_told[newest[i].jobId] = true
  end
  for _, row in ipairs(queued) do
    local ok, message = launch(row, is_told[row.jobId])
    if not ok then finish(row.jobId, "QUEUED", { status = "FAILED", error = message }) end
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
  needs       = { "exec", "state:jobs" },
  coerce      = true,
  run         = run,
  start       = start,
}
