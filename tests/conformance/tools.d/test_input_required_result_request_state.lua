-- test_input_required_result_request_state.lua - what was asked before travels with the client,
-- sealed; one that changed what it carries is refused before the script runs. The suite tries the
-- same tool under two names, and a file may return a list of tools.
local mcp    = require "mcp"
local asking = require "asking"

local function confirming(name)
  return mcp.tool {
    name        = name,
    description = "Ask for a confirmation.",
    input       = { type = "object", properties = {} },
    run         = function(_, ctx)
      local answer, message = ctx:elicit("confirm", asking.form("Please confirm", "ok", "boolean"))
      if not answer then return nil, message end
      return "state-ok: " .. tostring(answer.content and answer.content.ok)
    end,
  }
end

return {
  confirming "test_input_required_result_request_state",
  confirming "test_input_required_result_tampered_state",
}
