-- changing_tool.lua - is edited by test_trigger_tool_change: its description tells the edition, so
-- the list of tools that a client is shown is another one each time, with the same names in it.
local mcp = require "mcp"

local EDITION = "first"

return mcp.tool {
  name        = "test_changing",
  description = "A tool of the edition " .. EDITION .. ".",
  input       = { type = "object", properties = {} },
  run         = function() return EDITION end,
}
