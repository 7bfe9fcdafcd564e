-- test_elicitation_sep1034_defaults.lua - a form whose fields are filled in beforehand, one of each
-- type.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_elicitation_sep1034_defaults",
  description = "Ask with defaults.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message = ctx:elicit("form", {
      message = "Is this right?",
      schema  = {
        type       = "object",
        properties = {
          name     = { type = "string", default = "John Doe" },
          age      = { type = "integer", default = 30 },
          score    = { type = "number", default = 95.5 },
          status   = {
            type    = "string",
            enum    = { "active", "inactive", "pending" },
            default = "active",
          },
          verified = { type = "boolean", default = true },
        },
      },
    })
    if not answer then return nil, message end
    return ("Elicitation completed: action=%s, content=%s"):format(answer.action,
      mcp.json.encode(answer.content or {}))
  end,
}
