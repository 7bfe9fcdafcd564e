-- test_input_required_result_multi_round.lua - asks twice: what was answered first is still there
-- when the second answer comes.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_input_required_result_multi_round",
  description = "Ask for a name, then for a color.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local first, message = ctx:elicit("step1", asking.form("Step 1: What is your name?", "name"))
    if not first then return nil, message end
    local second
    second, message = ctx:elicit("step2",
      asking.form("Step 2: What is your favorite color?", "color"))
    if not second then return nil, message end
    return first.action .. " " .. second.action
  end,
}
