-- runtime_test.lua - the tools beside it are tests themselves: each answers "ok". What needs real
-- programs is not here: run.sh calls that.
local mcp = require "mcp"
local t = mcp.testing

for _, name in ipairs { "jobs", "json", "runtime", "settings", "state" } do
  t.case(name, function()
    local result = t.call(name)
    t.eq(result.text, "ok")
    t.eq(result.ok, true)
  end)
end
