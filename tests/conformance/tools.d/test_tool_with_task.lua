-- test_tool_with_task.lua - asks first, as any call, and becomes a task with the answer.
local mcp = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "test_tool_with_task",
  description = "Ask for a name, then work.",
  input       = { type = "object", properties = {} },
  task        = "required",
  run         = function(_, ctx)
    local answer, message = ctx:elicit("user_name", asking.form("What is your name?", "name"))
    if not answer then return nil, message end
    ctx:as_task { ttl = "10m", poll = 0.2 }
    mcp.time.sleep(0.2)
    return "Hello, " .. answer.content.name .. "!"
  end,
}
