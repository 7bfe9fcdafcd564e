-- board_test.lua - what is put up is read, the newest first.
local mcp = require "mcp"
local t = mcp.testing

t.case("an empty board", function()
  t.eq(t.call("board:///today").text, "")
end)

t.case("the newest notice stands first", function()
  for _, text in ipairs { "Cake in the kitchen", "The door squeaks" } do
    t.eq(t.call("put_up", { text = text }).ok, true)
  end
  local shown = t.call("board:///today").text
  t.eq(shown:match("^%S+ The door squeaks\n%S+ Cake in the kitchen$") ~= nil, true, shown)
  t.eq(#t.state("board"), 2)
end)
