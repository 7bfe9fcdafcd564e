-- status.lua - where a job stands, and its result once there is one.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"

local function run(arguments)
  local id = args.text(arguments.jobId)
  if not id then return nil, "jobId is required" end
  if #id > 512 then return nil, "Unknown jobId: " .. id:sub(1, 80) .. "..." end
  local row, message, code = evaljob.rows:get(id)
  if code then return nil, message, code end
  if not row then return nil, "Unknown jobId: " .. id end
  local view = evaljob.view(row)
  view.result = row.result or mcp.json.null
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
