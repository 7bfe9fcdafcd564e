-- test_input_required_result_sampling.lua - asks the client's model.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_input_required_result_sampling",
  description = "Ask the model for a capital.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message = ctx:sample("capital_question",
      asking.sample("What is the capital of France?", 100))
    if not answer then return nil, message end
    return asking.text(answer)
  end,
}
