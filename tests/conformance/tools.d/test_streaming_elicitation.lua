-- test_streaming_elicitation.lua - an answer at once, to a client that could be asked: a server of
-- 2026-07-28 never sends a request of its own.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_streaming_elicitation",
  description = "Answer without asking anybody.",
  input       = { type = "object", properties = {} },
  run         = function() return "done" end,
}
