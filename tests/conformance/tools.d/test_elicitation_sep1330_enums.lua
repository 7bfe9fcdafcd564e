-- test_elicitation_sep1330_enums.lua - a form to choose from: one or several, with titles or
-- without.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_elicitation_sep1330_enums",
  description = "Ask for choices.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message = ctx:elicit("form", {
      message = "Choose",
      schema  = {
        type       = "object",
        properties = {
          untitledSingle = { type = "string", enum = { "option1", "option2", "option3" } },
          titledSingle   = {
            type  = "string",
            oneOf = {
              { const = "value1", title = "First Option" },
              { const = "value2", title = "Second Option" },
              { const = "value3", title = "Third Option" },
            },
          },
          legacyEnum     = {
            type      = "string",
            enum      = { "opt1", "opt2", "opt3" },
            enumNames = { "Option One", "Option Two", "Option Three" },
          },
          untitledMulti  = {
            type     = "array",
            minItems = 1,
            maxItems = 3,
            items    = { type = "string", enum = { "option1", "option2", "option3" } },
          },
          titledMulti    = {
            type     = "array",
            minItems = 1,
            maxItems = 3,
            items    = {
              anyOf = {
                { const = "value1", title = "First Choice" },
                { const = "value2", title = "Second Choice" },
                { const = "value3", title = "Third Choice" },
              },
            },
          },
        },
      },
    })
    if not answer then return nil, message end
    return ("Elicitation completed: action=%s, content=%s"):format(answer.action,
      mcp.json.encode(answer.content or {}))
  end,
}
