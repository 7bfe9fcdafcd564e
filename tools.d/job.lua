-- job.lua - jobs as resources: job:///ID is where a job stands, with its result once there is one.
-- Who subscribes to it is told of each change, and need not ask again and again.
local mcp = require "mcp"
local evaljob = require "evaljob"

local MAX_LISTED = 100          -- the newest jobs in resources/list
local MAX_SCANNED = 500         -- jobs looked at for a completion
local AROUND = 400              -- bytes of an answer around the text and the URI

-- The text for a job's row. A result that would not fit into an answer is left out.
local function text_of(row, uri, max)
  local view = evaljob.view(row)
  view.result = row.result or mcp.json.null
  local text = assert(mcp.json.encode(view))
  if #assert(mcp.json.encode { text }) + #uri + AROUND <= max then return text end
  view.result = mcp.json.null
  view.note = "the result is too large for [server] max_result"
  return assert(mcp.json.encode(view))
end

local function read(vars, ctx, uri)
  if #vars.jobId > evaljob.MAX_ID then return nil end
  local row, message, code = evaljob.rows:get(vars.jobId)
  if code then return nil, message, code end
  return row and text_of(row, uri, ctx.max_result)
end

-- The newest first.
local function list()
  local page, message, code = evaljob.rows:list {
    newest = true, limit = MAX_LISTED, only = evaljob.shown,
  }
  if not page then return nil, message, code end
  local resources = {}
  for i, row in ipairs(page) do
    resources[i] = {
      uri = evaljob.uri(row.jobId), name = row.jobId, mimeType = "application/json",
      description = ("%s, %s: %s"):format(row.taskId, row.configId, row.status),
    }
  end
  return resources
end

local function complete(value)
  local found = {}
  local page = evaljob.rows:list { newest = true, limit = MAX_SCANNED, only = { "jobId" } }
  for _, row in ipairs(page or {}) do
    if row.jobId:sub(1, #value) == value then found[#found + 1] = row.jobId end
  end
  return found
end

return mcp.resource_template {
  name        = "job",
  title       = "Jobs",
  description = "Where a job stands, by the id that run_eval gave: its state (QUEUED, RUNNING, "
    .. "COMPLETED, FAILED, CANCELLED, INTERRUPTED or DRY_RUN) and its result. Subscribe to be told "
    .. "of its changes.",
  uriTemplate = "job:///{jobId}",
  mimeType    = "application/json",
  needs       = { "state:jobs" },
  limits      = { memory = "32M" },
  complete    = { jobId = complete },
  list        = list,
  read        = read,
}
