-- test_tool_with_logging.lua - ctx:log() writes to the client, as far as it wants to hear: a
-- session says so by logging/setLevel.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_tool_with_logging",
  description = "Log three lines to the client.",
  input       = { type = "object", properties = {} },
  run = function(_, ctx)
    for _, text in ipairs { "started", "processing data", "completed" } do
      ctx:log("info", "Tool execution " .. text)
      mcp.time.sleep(0.05)
    end
    return "done"
  end,
}
