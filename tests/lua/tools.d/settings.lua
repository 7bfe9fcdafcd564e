-- settings.lua - what mcp.ini says to a tool.
local mcp = require "mcp"
local t = require "t"

local function run(_, ctx)
  t.eq(mcp.config.greeting, "hello")
  t.eq(mcp.config.patience, 1.5)
  t.eq(mcp.config.names[2], "b")
  t.eq(mcp.config.rest, 7)
  t.raises("declares no setting", function() return mcp.config.nothing end)
  t.raises("read-only", function() mcp.config.greeting = "x" end)
  t.eq(mcp.env("MOONGATE_LUA_TEST"), "granted")
  t.fails("DENIED", mcp.env("HOME"))
  t.eq(ctx.tool, "settings")
  t.eq(ctx.client.name, "moongate")
  t.eq(ctx:cancelled(), false)
  mcp.log.info("not shown", { n = 1 })
  return "ok"
end

return mcp.tool {
  name = "settings",
  needs = { "env" },
  settings = {
    greeting = { type = "string", help = "Said first." },
    patience = { type = "duration", help = "How long." },
    names    = { type = "list", help = "Who." },
    rest     = { type = "integer", default = 7, help = "Not set." },
  },
  run = run,
}
