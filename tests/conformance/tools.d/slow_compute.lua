-- slow_compute.lua - goes on as a task where it takes long and the client knows tasks; else the
-- call simply waits.
local mcp = require "mcp"

return mcp.tool {
  name        = "slow_compute",
  description = "Compute for some seconds.",
  input       = {
    type       = "object",
    properties = {
      seconds = { type = "number", minimum = 0 },
      label   = { type = "string" },
    },
    required   = { "seconds" },
  },
  task        = "optional",
  run         = function(args, ctx)
    if args.seconds >= 1 then ctx:as_task { ttl = "10m", poll = 0.2 } end
    local ok, message = mcp.time.sleep(args.seconds)
    if not ok then return nil, message end
    return ("computed %s in %g s"):format(args.label or "it", args.seconds)
  end,
}
