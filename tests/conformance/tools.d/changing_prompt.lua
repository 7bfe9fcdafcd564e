-- changing_prompt.lua - is edited by test_trigger_prompt_change, as changing_tool.lua is.
local mcp = require "mcp"

local EDITION = "first"

return mcp.prompt {
  name        = "test_changing_prompt",
  description = "A prompt of the edition " .. EDITION .. ".",
  run         = function() return EDITION end,
}
