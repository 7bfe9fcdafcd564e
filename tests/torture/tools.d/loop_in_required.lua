-- loop_in_required.lua - never loads: what it requires does not end.
local mcp = require "mcp"
local endless = require "endless"

return mcp.tool {
  name = "loop_in_required",
  description = "Never there.",
  input = { type = "object" },
  run = endless,
}
