-- digest_test.lua - in a test nobody takes tasks: the call is answered when all is done.
local mcp = require "mcp"
local t = mcp.testing

t.case("tells the digest of each file", function()
  t.root { ["a/1.txt"] = "one", ["a/2.txt"] = "two", ["b.md"] = "no" }
  local files = t.call("digest", { glob = "a/*.txt" }).value.files
  t.eq(#files, 2)
  t.eq(files[1], { path = "a/1.txt", sha256 = mcp.codec.sha256("one") })
end)

t.case("as well where it would have been a task", function()
  local root = {}
  for i = 1, 25 do root[("a/%d.txt"):format(i)] = "x" end
  t.root(root)
  t.eq(#t.call("digest", { glob = "a/*.txt" }).value.files, 25)
end)

t.case("has a list also when there is none", function()
  t.eq(t.call("digest", { glob = "none/*" }).text, '{"files":[]}')
end)
