-- test_input_required_result_multiple_inputs.lua - asks three things at once.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_input_required_result_multiple_inputs",
  description = "Ask the user, the model and for the roots, at once.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answers, message = ctx:ask {
      user_name    = { elicit = asking.form("What is your name?", "name") },
      greeting     = { sample = asking.sample("Generate a greeting", 50) },
      client_roots = { roots = true },
    }
    if not answers then return nil, message end
    return ("%s %d"):format(asking.text(answers.greeting), #answers.client_roots)
  end,
}
