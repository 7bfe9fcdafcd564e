-- protocol_error_job.lua - a task that never gets a result: an error that is no text is none.
local mcp = require "mcp"

return mcp.tool {
  name        = "protocol_error_job",
  description = "Fail without a result.",
  input       = { type = "object", properties = {} },
  task        = "optional",
  run         = function(_, ctx)
    ctx:as_task { ttl = "10m", poll = 0.2 }
    error {}
  end,
}
