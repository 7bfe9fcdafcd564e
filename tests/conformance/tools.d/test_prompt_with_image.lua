-- test_prompt_with_image.lua - a picture in a prompt.
local mcp = require "mcp"
local samples = require "samples"

return mcp.prompt {
  name        = "test_prompt_with_image",
  description = "A picture, and what to do with it.",
  run = function()
    return { mcp.image(samples.png, "image/png"), "Please analyze the image above." }
  end,
}
