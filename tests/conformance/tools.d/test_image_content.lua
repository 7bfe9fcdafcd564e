-- test_image_content.lua - a picture: bytes and their type. The API writes the base64 of it.
local mcp = require "mcp"
local samples = require "samples"

return mcp.tool {
  name        = "test_image_content",
  description = "Answer with a picture.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true },
  run         = function() return mcp.content { mcp.image(samples.png, "image/png") } end,
}
