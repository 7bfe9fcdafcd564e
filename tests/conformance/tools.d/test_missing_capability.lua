-- test_missing_capability.lua - needs a model; a client of 2026-07-28 that has none is told which
-- capability it lacks.
local mcp    = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_missing_capability",
  description = "Ask the model for a word.",
  input       = { type = "object", properties = {} },
  run         = function(_, ctx)
    local answer, message = ctx:sample("word", asking.sample("Say a word", 10))
    if not answer then return nil, message end
    return "Success"
  end,
}
