-- test_input_required_result_prompt.lua - a prompt may ask as well.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.prompt {
  name        = "test_input_required_result_prompt",
  description = "Ask for what the prompt is to say.",
  run         = function(_, ctx)
    local answer, message = ctx:elicit("user_context",
      asking.form("What context should the prompt use?", "context"))
    if not answer then return nil, message end
    return "Use this: " .. (answer.content and answer.content.context or "nothing")
  end,
}
