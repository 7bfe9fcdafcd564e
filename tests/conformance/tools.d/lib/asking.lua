-- asking.lua - what the fixtures ask their client: a form of one field, a text of its model.
local mcp = require "mcp"

local asking = {}

function asking.form(message, name, kind)
  return {
    message = message,
    schema  = {
      type       = "object",
      properties = { [name] = { type = kind or "string" } },
      required   = { name },
    },
  }
end

function asking.sample(text, max)
  return {
    messages  = { { role = "user", content = mcp.text(text) } },
    maxTokens = max,
  }
end

--- The text of a model's answer, which may be an image or sound as well.
function asking.text(answer) return answer.content.text or "nothing" end

return asking
