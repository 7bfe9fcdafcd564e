-- orchestrator.lua - the server behind the url of an [eval NAME]: a job is handed over to it,
-- followed and, when nobody wants it any more, taken back. It may be slow, broken or gone: all of
-- that ends the job with a reason.
local mcp = require "mcp"

local orchestrator = {}

local TRIES = 6                 -- of one request, before it counts as failed
local MAX_PAUSE = 60            -- seconds between two tries; they begin with `poll` and double
local ANSWER_TIME = 30          -- seconds for one answer
local WITHDRAW_TIME = 10 * 60
local MAX_TEXT = 500            -- bytes of a text that is theirs
local MAX_ID = 256

-- What asking again would not change.
local LASTING = {
  CANCELLED = true, DENIED = true, ENOENT = true, INVALID = true, PROTOCOL = true, TLS = true,
  TOO_LARGE = true, UNLISTED = true,
}

local function clip(text)
  return mcp.codec.utf8(#text > MAX_TEXT and text:sub(1, MAX_TEXT) .. " ..." or text)
end

-- A JSON object, or nil.
local function object_of(response)
  if not response.body:find("^%s*{") then return nil end
  return mcp.json.decode(response.body)
end

local function text_of(value)
  return type(value) == "string" and value ~= "" and clip(value) or nil
end

-- ---- asking ----

local function expired(eval)
  return nil, ("not done within %g s"):format(eval.timeout), "EXPIRED"
end

-- One request, made again after 429, 5xx and silence. Returns the response, or nil, message, code.
local function ask(eval, request, ends)
  local message, code
  local pause = eval.poll
  for try = 1, TRIES do
    local left = ends - mcp.time.mono()
    if left <= 0 then return expired(eval) end
    request.timeout = math.min(ANSWER_TIME, left)
    local response
    response, message, code = mcp.evals.ask(request)
    if response and response.status < 500 and response.status ~= 429 then return response end
    if response then
      message, code = ("it answered %d"):format(response.status), "STATUS"
    elseif LASTING[code] then
      return nil, message, code
    end
    if try < TRIES then
      left = math.max(ends - mcp.time.mono(), 0)
      if not mcp.time.sleep(math.min(pause, left)) then return nil, "cancelled", "CANCELLED" end
      pause = math.max(math.min(2 * pause, MAX_PAUSE), eval.poll)
    end
  end
  if ends - mcp.time.mono() <= 0 then return expired(eval) end
  return nil, ("%s, %d times in a row"):format(message, TRIES), code
end

-- Why an answer is none to go on with; nil: it is one.
local function refusal(response, object)
  local status = response.status
  if status >= 300 and status < 400 then
    return ("it answered %d, and redirects are not followed"):format(status)
  elseif status < 200 or status >= 300 then
    local reason = object and text_of(object.error)
    return ("it answered %d"):format(status) .. (reason and ": " .. reason or "")
  end
  return nil
end

-- ---- handing over ----

-- Their id for the job: ours, unless they give one. Or nil, message.
local function id_of(object, row)
  local id = object.jobId
  if id == nil or id == mcp.json.null then return row.jobId end
  if math.type(id) == "integer" then id = tostring(id) end
  if type(id) ~= "string" or id == "" or #id > MAX_ID or id:find("%c") or id:find("^%.+$") then
    return nil, ("its jobId is no text of 1 to %d bytes"):format(MAX_ID)
  end
  return id
end

--- Hands the job over. Returns the id that the orchestrator knows it by; or nil, message, code,
-- with the code REFUSED where it has surely not taken it.
function orchestrator.submit(eval, row, ends)
  local body = mcp.json.encode {
    taskId = row.taskId, configId = row.configId, jobId = row.jobId, dryRun = false,
  }
  local request = { task = row.taskId, method = "POST", body = body }
  local response, message, code = ask(eval, request, ends)
  if not response then return nil, message, code end
  local object = object_of(response)
  message = refusal(response, object)
  if message then return nil, message, "REFUSED" end
  if not object and response.body:find("%S") then
    return nil, "its answer to POST is not a JSON object", "GARBAGE"
  end
  return id_of(object or {}, row)
end

-- ---- following ----

local function tell_progress(job, progress)
  if type(progress) == "number" then return job:progress(progress) end
  if type(progress) == "string" then return job:progress(nil, nil, clip(progress)) end
  if type(progress) ~= "table" then return false end
  local function number(name)
    return type(progress[name]) == "number" and progress[name] or nil
  end
  local line = text_of(progress.line) or text_of(progress.message)
  return job:progress(number("done"), number("total"), line)
end

-- How an ended job ended, as the row will have it.
local function ended(object)
  local status = object.status
  if status == "COMPLETED" then
    local result = object.result
    if result == nil or result == mcp.json.null then result = {} end
    if type(result) == "table" and type(next(result)) ~= "number" then
      return { status = status, result = result }
    end
    return { status = "FAILED", error = "its result is not a JSON object" }
  elseif status == "CANCELLED" then
    return { status = status }
  end
  return { status = status, error = text_of(object.error) or "it gave no reason" }
end

local ALIVE = { QUEUED = true, RUNNING = true }
local ENDED = { COMPLETED = true, FAILED = true, CANCELLED = true, INTERRUPTED = true }

local function ask_status(eval, row, ends)
  local request = { task = row.taskId, method = "GET", id = row.remoteId }
  local response, message, code = ask(eval, request, ends)
  if not response then return nil, message, code end
  local object = object_of(response)
  if response.status == 404 or response.status == 410 then
    return nil, "it does not know the job any more", "REFUSED"
  end
  message = refusal(response, object)
  if message then return nil, message, "STATUS" end
  if not object then return nil, "its answer to GET is not a JSON object", "GARBAGE" end
  if not ALIVE[object.status] and not ENDED[object.status] then
    local status = text_of(object.status)
    return nil, status and "it says an unknown status, " .. status or "it says no status", "GARBAGE"
  end
  return object
end

--- Follows the job to its end. Returns {status=, result=, error=}; or nil, message, code, with the
-- code REFUSED where there is nothing left to take back.
function orchestrator.follow(eval, row, ends, job)
  local told
  while true do
    local left = ends - mcp.time.mono()
    if left <= 0 then return expired(eval) end
    if not mcp.time.sleep(math.min(eval.poll, left)) then return nil, "cancelled", "CANCELLED" end
    local object, message, code = ask_status(eval, row, ends)
    if not object then return nil, message, code end
    local progress = object.progress ~= nil and mcp.json.encode { object.progress }
    if progress and progress ~= told then
      tell_progress(job, object.progress)
      told = progress
    end
    if ENDED[object.status] then return ended(object) end
  end
end

-- ---- taking back ----

--- Tells the orchestrator, in the background, that nobody waits for the job any more. When it has
-- heard, or cannot be reached, done() is called. Returns the id, or nil, message, code.
function orchestrator.withdraw(row, done)
  local id = row.remoteId or row.jobId
  return mcp.jobs.start {
    kind = "eval-withdraw", id = "withdraw." .. row.jobId, parallel = 8,
    timeout = WITHDRAW_TIME + ANSWER_TIME,
    run = function()
      local eval = mcp.evals.find(row.taskId)
      if eval and eval.is_remote then
        mcp.state.sync()        -- a crash must not find the row going on
        local request = { task = row.taskId, method = "DELETE", id = id }
        local response, message, code = ask(eval, request, mcp.time.mono() + WITHDRAW_TIME)
        if code == "CANCELLED" then return end          -- the next start does it
        if not response then
          mcp.log.warn("an orchestrator was not told that a job has ended", {
            jobId = row.jobId, reason = message,
          })
        end
      end
      done(row.jobId)
    end,
  }
end

return orchestrator
