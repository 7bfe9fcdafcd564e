-- samples.lua - one picture and one sound, as bytes: what the fixtures send where the suite
-- wants media.
local mcp = require "mcp"

return {
  -- One red pixel.
  png = mcp.codec.unbase64("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dw"
    .. "HwAFBQIAX8jx0gAAAABJRU5ErkJggg=="),
  -- A sample of silence.
  wav = mcp.codec.unbase64("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="),
}
