-- cancel_job.lua - ends a job that waits or runs.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"

-- The row, once it is CANCELLED by this call; or nil, message.
local function cancel(id)
  while true do
    local row, message, code = evaljob.rows:get(id)
    if code then return nil, message end
    if not row then return nil, "Unknown jobId: " .. id end
    if not evaljob.alive[row.status] then
      return nil, "Job " .. id .. " has already ended: " .. row.status
    end
    row, message, code = evaljob.move(id, row.status, { status = "CANCELLED" })
    if row then return row end
    if code then return nil, message end
    -- Its state changed meanwhile: look again.
  end
end

local function run(arguments)
  local id = args.text(arguments.jobId)
  if not id then return nil, "jobId is required" end
  if #id > 512 then return nil, "Unknown jobId: " .. id:sub(1, 80) .. "..." end
  local row, message = cancel(id)
  if not row then return nil, message end
  if not mcp.jobs.cancel(id) then
    local taken = evaljob.take_cancelled(row)
    if taken then
      evaljob.tell_begin(taken)         -- run_eval may not have come to it yet after a restart
      evaljob.tell_end(taken)
    end
  end
  return { jobId = id, status = row.status }
end

return mcp.tool {
  name        = "cancel_job",
  title       = "Cancel a job",
  description = "End a job that is QUEUED or RUNNING; its program is killed with all it started.",
  input = {
    type = "object",
    properties = { jobId = { type = "string" } },
    required = { "jobId" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = false, openWorldHint = false,
  },
  needs       = { "state:jobs" },
  coerce      = true,
  run         = run,
}
