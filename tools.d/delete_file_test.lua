-- delete_file_test.lua - what delete_file removes and refuses.
local mcp = require "mcp"
local t = mcp.testing

local function sha(text) return mcp.codec.sha256(text) end

t.case("removes what is as the caller saw it", function()
  t.root { ["a.txt"] = "old" }
  t.eq(t.call("delete_file", { path = "a.txt", expectSha256 = sha("x") }).text,
    ("SHA mismatch: expected %s, got %s"):format(sha("x"), sha("old")))
  t.eq(t.call("delete_file", { path = "a.txt", expectSha256 = sha("old") }).value,
    { path = "a.txt", deleted = true, previousSha256 = sha("old") })
  t.eq(t.call("delete_file", { path = "a.txt", expectSha256 = sha("old") }).text,
    "File does not exist: a.txt")
  t.eq(t.call("delete_file", { path = "a.txt" }).text, "path and expectSha256 required")
end)

t.case("removes no folder", function()
  t.root { ["d/a.txt"] = "old" }
  t.eq(t.call("delete_file", { path = "d", expectSha256 = sha("") }).ok, false)
  t.eq(#t.call("list_dir", { path = "" }).value.items, 1)
end)

t.case("stays in the repository, and away from what is not for tools", function()
  t.root { ["a.txt"] = "a" }
  local function call(path)
    return t.call("delete_file", { path = path, expectSha256 = sha("a") })
  end
  t.eq(call("../x").text, "Path traversal not allowed: ../x")
  t.eq(call("a/../../x").text, "Path traversal not allowed: a/../../x")
  local outside = call("/etc/x").text
  t.eq(outside:match("^Absolute path must be within the repository: /") ~= nil, true, outside)
  for _, path in ipairs { ".git/config", ".env", "sub/.env" } do t.eq(call(path).ok, false, path) end
end)
