-- test_error_handling.lua - a failure that the model shall read: nil and why. The client gets a
-- result with isError, not an error of the protocol.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_error_handling",
  description = "Fail, and say so.",
  input       = { type = "object", properties = {} },
  run         = function() return nil, "This tool intentionally returns an error for testing" end,
}
