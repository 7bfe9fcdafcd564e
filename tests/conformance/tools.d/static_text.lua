-- static_text.lua - a resource: a URI, and a function that gives its text.
local mcp = require "mcp"

return mcp.resource {
  uri         = "test://static-text",
  name        = "static-text",
  description = "A text that never changes.",
  mimeType    = "text/plain",
  read        = function() return "This is the content of the static text resource." end,
}
