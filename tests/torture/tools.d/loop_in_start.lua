-- loop_in_start.lua - its start function does not end.
local mcp = require "mcp"

return mcp.tool {
  name = "loop_in_start",
  description = "Is there, though its start function is not.",
  input = { type = "object" },
  start = function()
    while true do end
  end,
  run = function() return "here" end,
}
