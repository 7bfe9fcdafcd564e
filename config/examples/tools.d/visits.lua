-- visits.lua - mcp.cache and mcp.metrics: who came how often within the hour, over all workers.
local mcp = require "mcp"
local s = mcp.schema

local visits = mcp.metrics.counter("visits_total", "Visits counted by the tool visits.")

local function run(args)
  local count = assert(mcp.cache.incr("visits/" .. args.who, 1, { ttl = "1h" }))
  -- add() is true for one caller only: the first within the hour.
  local is_first = mcp.cache.add("seen/" .. args.who, true, { ttl = "1h" })
  visits:inc(1, { first = is_first })
  return { who = args.who, count = count, first = is_first }
end

return mcp.tool {
  name = "visits",
  description = "Count a visit.",
  input = s.object { who = s.string { minLength = 1, maxLength = 80 } },
  run = run,
}
