-- status.lua - where a job stands, and its result once there is one.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"

-- What stands around the text in an answer: [{"type":"text","text":...}] and, in a list of its own,
-- [...].
local AROUND, LIST = 25, 2

-- Does it fit into an answer? Quoting makes a JSON text twice as long at worst. A result that was
-- kept may be larger than [server] max_result, which mcp.ini may set to anything.
local function fits(view, max)
  local text = assert(mcp.json.encode(view))
  if 2 * (#text + 1) + AROUND <= max then return true end
  local size = #assert(mcp.json.encode { text }) - LIST + AROUND
  return size <= max, size
end

local function run(arguments, ctx)
  local id = args.text(arguments.jobId)
  if not id then return nil, "jobId is required" end
  if #id > 512 then return nil, "Unknown jobId: " .. id:sub(1, 80) .. "..." end
  local row, message, code = evaljob.rows:get(id)
  if code then return nil, message, code end
  if not row then return nil, "Unknown jobId: " .. id end
  local view = evaljob.view(row)
  view.result = row.result or mcp.json.null
  local is_whole, size = row.result == nil, 0
  if not is_whole then is_whole, size = fits(view, ctx.max_result) end
  if not is_whole then
    view.result = mcp.json.null
    view.note = ("the result is left out: the answer would have %d bytes, more than the %d of "
      .. "[server] max_result"):format(size, ctx.max_result)
  end
  return view
end

return mcp.tool {
  name        = "status",
  title       = "Status of a job",
  description = "Report a job's state (QUEUED, RUNNING, COMPLETED, FAILED, CANCELLED, INTERRUPTED "
    .. "or DRY_RUN) and, once it completed, its result.",
  input = {
    type = "object",
    properties = { jobId = { type = "string" } },
    required = { "jobId" },
  },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "state:jobs" },
  coerce      = true,
  run         = run,
}
