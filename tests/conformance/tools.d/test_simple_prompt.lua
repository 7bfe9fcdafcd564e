-- test_simple_prompt.lua - a prompt without arguments: a string is one message of the user.
local mcp = require "mcp"

return mcp.prompt {
  name        = "test_simple_prompt",
  description = "A text.",
  run         = function() return "This is a simple prompt for testing." end,
}
