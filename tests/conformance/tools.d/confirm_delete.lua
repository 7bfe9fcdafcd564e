-- confirm_delete.lua - a task that asks: the question stands in the task until it is answered.
local mcp = require "mcp"
local asking = require "asking"

return mcp.tool {
  name        = "confirm_delete",
  description = "Ask before anything is deleted.",
  input       = {
    type       = "object",
    properties = { filename = { type = "string" } },
    required   = { "filename" },
  },
  task        = "optional",
  run         = function(args, ctx)
    ctx:as_task { ttl = "10m", poll = 0.2 }
    local answer, message = ctx:elicit("confirm",
      asking.form("Delete " .. args.filename .. "?", "confirm", "boolean"))
    if not answer then return nil, message end
    local is_sure = answer.action == "accept" and answer.content.confirm
    return (is_sure and "deleted " or "kept ") .. args.filename
  end,
}
