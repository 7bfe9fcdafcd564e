-- test_reconnection.lua - sends its client away while it works: the client comes back for the rest,
-- which is the result.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_reconnection",
  description = "Close the stream of this call, and go on.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    ctx:close_stream { retry = "500ms" }
    mcp.time.sleep(0.1)
    return "Reconnection test completed successfully."
  end,
}
