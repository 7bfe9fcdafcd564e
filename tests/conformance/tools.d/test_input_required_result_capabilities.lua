-- test_input_required_result_capabilities.lua - asks the user, or the model where the client cannot
-- ask anybody: what it can is known before it is asked.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_input_required_result_capabilities",
  description = "Ask whoever can be asked.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message, code = ctx:elicit("user_name",
      asking.form("What is your name?", "name"))
    if code == "UNSUPPORTED" then
      answer, message = ctx:sample("user_name", asking.sample("Make up a name", 20))
    end
    if not answer then return nil, message end
    return "done"
  end,
}
