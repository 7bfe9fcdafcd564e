-- test_audio_content.lua - a sound. Clients of 2024-11-05, which know no audio, get a text instead.
local mcp = require "mcp"
local samples = require "samples"

return mcp.tool {
  name        = "test_audio_content",
  description = "Answer with a sound.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true },
  run         = function() return mcp.content { mcp.audio(samples.wav, "audio/wav") } end,
}
