-- test_trigger_prompt_change.lua - the same with a prompt: who listens for prompts is told, who
-- listens for tools alone is not.
local mcp = require "mcp"
local changing = require "changing"

return mcp.tool {
  name        = "test_trigger_prompt_change",
  description = "Change the list of prompts, and by that have its listeners told.",
  input       = { type = "object", properties = {} },
  needs       = { "exec" },
  run         = function() return changing.edit("tools.d/changing_prompt.lua") end,
}
