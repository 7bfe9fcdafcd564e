-- test_embedded_resource.lua - a resource within the answer: it needs no mcp.resource of its URI.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_embedded_resource",
  description = "Answer with the contents of a resource.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true },
  run = function()
    return mcp.content {
      mcp.embed {
        uri  = "test://embedded-resource",
        mime = "text/plain",
        text = "This is an embedded resource content.",
      },
    }
  end,
}
