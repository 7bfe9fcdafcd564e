-- update_file_test.lua - what update_file replaces and refuses.
local mcp = require "mcp"
local t = mcp.testing

local function sha(text) return mcp.codec.sha256(text) end

t.case("replaces what is as the caller saw it", function()
  t.root { ["a.txt"] = "old" }
  local value = t.call("update_file", {
    path = "a.txt", contents = "new!", expectSha256 = sha("old"):upper(),
  }).value
  t.eq({ value.path, value.size, value.sha256 }, { "a.txt", 4, sha("new!") })
end)

t.case("refuses what is not", function()
  t.root { ["a.txt"] = "old" }
  local function update(path, expected)
    return t.call("update_file", { path = path, contents = "new", expectSha256 = expected }).text
  end
  t.eq(update("a.txt", "0"), "SHA mismatch: expected 0, got " .. sha("old"))
  t.eq(update("a.txt", sha("x")), ("SHA mismatch: expected %s, got %s"):format(sha("x"), sha("old")))
  t.eq(update("none", sha("x")), "File does not exist: none")
  t.eq(update("none", "0"), "File does not exist: none")
  t.eq(update("a.txt", ""), "path, contents, and expectSha256 required")
  t.eq(t.call("update_file", { path = "a.txt", contents = "x", expectSha256 = sha("old") }).ok, true)
end)

t.case("stays in the repository, and away from what is not for tools", function()
  t.root { ["a.txt"] = "a" }
  local function call(path)
    return t.call("update_file", { path = path, contents = "x", expectSha256 = sha("a") })
  end
  t.eq(call("../x").text, "Path traversal not allowed: ../x")
  t.eq(call("a/../../x").text, "Path traversal not allowed: a/../../x")
  local outside = call("/etc/x").text
  t.eq(outside:match("^Absolute path must be within the repository: /") ~= nil, true, outside)
  for _, path in ipairs { ".git/config", ".env", "sub/.env" } do t.eq(call(path).ok, false, path) end
end)
