-- test_simple_text.lua - the shortest tool there is: no arguments, and a string, which becomes one
-- text block.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_simple_text",
  description = "Answer with a text.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true },
  run         = function() return "This is a simple text response for testing." end,
}
