-- counter.lua - counts in its own collection, and tells a topic of each change; add = 0 reads.
local mcp = require "mcp"

local counters = mcp.state.open("counter.values", { key = "id" })

local function read(id)
  return counters:get(id) or { id = id, count = 0 }
end

local function run(args)
  local add = args.add or 1
  if add == 0 then return read(args.id) end
  local now, message, code = counters:update(args.id, function(old)
    return { id = args.id, count = (old and old.count or 0) + add }
  end)
  if not now then return nil, message, code end
  mcp.events.publish("counter/" .. args.id, "counted", { id = args.id, count = now.count })
  return now
end

return mcp.tool {
  name = "counter",
  description = "Add to a counter, or read it.",
  input = {
    type = "object",
    properties = { id = { type = "string" }, add = { type = "integer", default = 1 } },
    required = { "id" },
  },
  run = run,
}
