-- test_elicitation.lua - asks the user to fill in a form, in the words of who calls.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_elicitation",
  description = "Ask for a name and an address.",
  input       = {
    type       = "object",
    properties = { message = { type = "string" } },
    required   = { "message" },
  },
  run         = function(args, ctx)
    local answer, message = ctx:elicit("user", {
      message = args.message,
      schema  = {
        type       = "object",
        properties = {
          username = { type = "string", description = "User's response" },
          email    = { type = "string", description = "User's email address" },
        },
        required   = { "username", "email" },
      },
    })
    if not answer then return nil, message end
    return ("User response: action=%s, content=%s"):format(answer.action,
      mcp.json.encode(answer.content or {}))
  end,
}
