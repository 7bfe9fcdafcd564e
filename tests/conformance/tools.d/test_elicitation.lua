-- test_elicitation.lua - ctx:elicit() asks the person behind the client, by a form that a schema
-- describes. What comes back fits it, or the action says that there is nothing.
local mcp = require "mcp"

local function run(args, ctx)
  local answer, message = ctx:elicit("user", {
    message = args.message,
    schema = {
      type = "object",
      properties = {
        username = { type = "string", description = "User's response" },
        email = { type = "string", description = "User's email address" },
      },
      required = { "username", "email" },
    },
  })
  if not answer then return nil, message end
  local content = mcp.json.encode(answer.content or mcp.json.object())
  return ("User response: action=%s, content=%s"):format(answer.action, content)
end

return mcp.tool {
  name        = "test_elicitation",
  description = "Ask the person behind the client for a name and an address.",
  input = {
    type = "object",
    properties = { message = { type = "string", description = "What the person reads" } },
    required = { "message" },
  },
  run = run,
}
