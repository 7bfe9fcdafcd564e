-- test_logging_tool.lua - the same in revision 2026-07-28, where each request says whether it wants
-- to be told: who did not ask hears nothing.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_logging_tool",
  description = "Log a line to the client, if it asked for that.",
  input       = { type = "object", properties = {} },
  run = function(_, ctx)
    ctx:log("info", { step = "logged", asked = true })
    return "done"
  end,
}
