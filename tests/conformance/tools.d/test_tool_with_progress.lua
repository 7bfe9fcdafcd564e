-- test_tool_with_progress.lua - ctx:progress() for who sent a progress token; for others it does
-- nothing. mcp.time.sleep() lets all other calls run meanwhile.
local mcp = require "mcp"

return mcp.tool {
  name        = "test_tool_with_progress",
  description = "Tell how far it has come, three times.",
  input       = { type = "object", properties = {} },
  run = function(_, ctx)
    for _, done in ipairs { 0, 50, 100 } do
      ctx:progress(done, 100, ("Completed step %d of 100"):format(done))
      mcp.time.sleep(0.05)
    end
    return "done"
  end,
}
