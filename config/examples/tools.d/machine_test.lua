-- machine_test.lua - counts what is there, and says what is not.
local mcp = require "mcp"
local t = mcp.testing

t.case("counts the lines of code in a folder", function()
  t.root {
    ["src/a.c"] = "int a;\n\n/* b */\n// c\n", ["src/sub/b.h"] = "int b; /* b */",
    ["d.c"] = "int d;",
  }
  local value = t.call("machine", { folder = "src" }).value
  t.eq(value.lines, 2)
  t.eq(value.memory.available <= value.memory.total, true)
end)

t.case("a folder that is not there", function()
  t.eq(t.call("machine", { folder = "none" }).ok, false)
end)
