-- test_input_required_result_request_state.lua - what was asked before travels with the
-- client, sealed.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_input_required_result_request_state",
  description = "Ask for a confirmation.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message = ctx:elicit("confirm", asking.form("Please confirm", "ok", "boolean"))
    if not answer then return nil, message end
    return "state-ok: " .. tostring(answer.content and answer.content.ok)
  end,
}
