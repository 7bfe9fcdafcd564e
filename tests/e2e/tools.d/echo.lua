-- echo.lua - gives back what it got.
local mcp = require "mcp"

return mcp.tool {
  name = "echo",
  title = "Echo",
  description = "Return the message.",
  input = {
    type = "object",
    properties = { message = { type = "string" } },
    required = { "message" },
  },
  annotations = { readOnlyHint = true },
  run = function(args)
    return { message = args.message }
  end,
}
