-- form.lua - a tool without arguments that asks the person behind the client one form.
local mcp = require "mcp"

return function(name, description, properties)
  return mcp.tool {
    name        = name,
    description = description,
    input       = { type = "object", properties = {} },
    run = function(_, ctx)
      local answer, message = ctx:elicit("form", {
        message = "Please look at the values and confirm them",
        schema = { type = "object", properties = properties },
      })
      if not answer then return nil, message end
      local content = mcp.json.encode(answer.content or mcp.json.object())
      return ("Elicitation completed: action=%s, content=%s"):format(answer.action, content)
    end,
  }
end
