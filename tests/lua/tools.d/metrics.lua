-- metrics.lua - what a tool counts.
local mcp = require "mcp"
local t = require "t"

local calls = mcp.metrics.counter("test_calls_total", "Calls of this test.")
local depth = mcp.metrics.gauge("test_depth", "A gauge.")
local took = mcp.metrics.histogram("test_seconds", "A histogram.", { 0.1, 1, 10 })

local function run()
  calls:inc()
  calls:inc(2.5, { status = 200, ok = true })
  depth:set(-3)
  took:observe(0.5, { path = "/a" })
  mcp.metrics.counter("test_calls_total", "Again.")
  t.raises("is a counter already", mcp.metrics.gauge, "test_calls_total", "x")
  t.raises("other buckets", mcp.metrics.histogram, "test_seconds", "x", { 1 })
  t.raises("only goes up", calls.inc, calls, -1)
  t.raises("reserved", calls.inc, calls, 1, { tool = "x" })
  t.raises("finite", depth.set, depth, 0 / 0)
  t.raises("expected", took.observe, calls, 1)
  return "ok"
end

return mcp.tool { name = "metrics", run = run }
