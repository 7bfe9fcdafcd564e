-- counter.lua - counts in the state, and tells a topic of every change.
local mcp = require "mcp"

local counters = mcp.state.open("counter.values", { key = "id" })

local function add(args)
  local now = counters:update(args.id, function(old)
    return { id = args.id, count = (old and old.count or 0) + 1 }
  end)
  mcp.events.publish("counter/" .. args.id, "counted", { id = args.id, count = now.count })
  return now
end

local function read(args)
  return counters:get(args.id) or { id = args.id, count = 0 }
end

local input = {
  type = "object",
  properties = { id = { type = "string" } },
  required = { "id" },
}

return {
  mcp.tool { name = "count", description = "Add one.", input = input, run = add },
  mcp.tool {
    name = "counted",
    description = "Read a counter.",
    input = input,
    annotations = { readOnlyHint = true },
    run = read,
  },
}
