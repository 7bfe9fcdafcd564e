-- failing_job.lua - a task that ends as a call would that fails. Who knows no tasks cannot call it.
local mcp = require "mcp"

return mcp.tool {
  name        = "failing_job",
  description = "Work for a second, and fail.",
  input       = { type = "object", properties = {} },
  task        = "required",
  run         = function(_, ctx)
    ctx:as_task { ttl = "10m", poll = 0.2 }
    mcp.time.sleep(1)
    return mcp.fail("the job failed")
  end,
}
