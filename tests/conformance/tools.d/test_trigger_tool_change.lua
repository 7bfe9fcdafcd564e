-- test_trigger_tool_change.lua - hot reload seen from a client. The tool edits another tool's
-- file as a person would, with a program that mcp.ini grants; the gateway notices, serves the
-- new file and tells all who listen: notifications/tools/list_changed. Nobody has to send that
-- by hand.
local mcp = require "mcp"
local changing = require "changing"

return mcp.tool {
  name        = "test_trigger_tool_change",
  description = "Change the list of tools, and by that have its listeners told.",
  input       = { type = "object", properties = {} },
  needs       = { "exec" },
  run         = function() return changing.edit("tools.d/changing_tool.lua") end,
}
