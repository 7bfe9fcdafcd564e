-- test_multiple_content_types.lua - several blocks of several kinds in one answer, in this order.
local mcp = require "mcp"
local samples = require "samples"

return mcp.tool {
  name        = "test_multiple_content_types",
  description = "Answer with a text, a picture and a resource.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true },
  run = function()
    return mcp.content {
      mcp.text("Multiple content types test:"),
      mcp.image(samples.png, "image/png"),
      mcp.embed {
        uri  = "test://mixed-content-resource",
        mime = "application/json",
        text = [[{"test":"data","value":123}]],
      },
    }
  end,
}
