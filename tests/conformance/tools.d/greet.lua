-- greet.lua - an answer at once, also where a client offers to wait.
local mcp = require "mcp"

return mcp.tool {
  name        = "greet",
  description = "Greet somebody.",
  input       = {
    type       = "object",
    properties = { name = { type = "string" } },
    required   = { "name" },
  },
  run         = function(args) return "Hello, " .. args.name .. "!" end,
}
