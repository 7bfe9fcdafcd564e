-- static_binary.lua - a resource of bytes.
local mcp = require "mcp"
local samples = require "samples"

return mcp.resource {
  uri         = "test://static-binary",
  name        = "static-binary",
  description = "A picture that never changes.",
  mimeType    = "image/png",
  size        = #samples.png,
  read        = function() return { blob = samples.png } end,
}
