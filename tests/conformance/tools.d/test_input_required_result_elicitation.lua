-- test_input_required_result_elicitation.lua - asks the user. The script reads from top to bottom;
-- for a client of 2026-07-28 it runs once more with the answer.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_input_required_result_elicitation",
  description = "Greet the user by name.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message = ctx:elicit("user_name", asking.form("What is your name?", "name"))
    if not answer then return nil, message end
    if answer.action ~= "accept" then return "no name" end
    return "Hello, " .. answer.content.name .. "!"
  end,
}
