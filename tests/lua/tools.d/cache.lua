-- cache.lua - values that all workers share.
local mcp = require "mcp"
local t = require "t"

local function run()
  local cache = mcp.cache
  t.eq(cache.get("x"), nil)
  t.eq(cache.set("x", { list = { 1, 2 }, name = "é" }), true)
  t.eq(cache.get("x").list[2], 2)
  t.eq(cache.add("x", 1), false)
  t.eq(cache.delete("x"), true)
  t.eq(cache.delete("x"), false)
  t.eq(cache.add("x", 1), true)
  t.eq(cache.incr("x"), 2)
  t.eq(cache.incr("x", -5), -3)
  t.eq(cache.incr("new", 7, { ttl = "1h" }), 7)
  cache.set("brief", true, { ttl = "1ms" })
  while cache.get("brief") do mcp.time.sleep(0.001) end
  cache.set("text", "abc")
  t.fails("INVALID", cache.incr("text"))
  t.fails("TOO_LARGE", cache.set("big", ("x"):rep(1 << 20)))
  t.raises("nil is no value", cache.set, "x", nil)
  t.raises("cannot be JSON", cache.set, "x", print)
  t.raises("unknown option", cache.set, "x", 1, { tll = 1 })
  return "ok"
end

return mcp.tool { name = "cache", run = run }
