-- createFile_test.lua - that createFile tells failures in its result.
local mcp = require "mcp"
local t = mcp.testing

t.case("tells what it did", function()
  local value = t.call("createFile", { path = "d/w.txt", content = "w", template = "none" }).value
  t.eq(value.path:match("/d/w.txt$") ~= nil, true)
  t.eq(value, {
    success = true, operation = "createFile", path = value.path, relativePath = value.path, size = 1,
    encoding = "utf8", template = "none", timestamp = mcp.time.iso(),
  })
end)

t.case("tells what failed in a result that is no error", function()
  t.root { a = "a" }
  local function call(path)
    local result = t.call("createFile", { path = path, content = "w" })
    t.eq(result.ok, true)
    return result.value
  end
  t.eq(call("a"), {
    success = false, operation = "createFile", path = "a", timestamp = mcp.time.iso(),
    error = "Cannot create file: File already exists: a",
  })
  t.eq(call("../a").error, "Path traversal not allowed: ../a")
  t.eq(call(".env").success, false)
end)

t.case("misses path or content", function()
  t.eq(t.call("createFile", { path = "w", content = "" }).text,
    "Both path and content are required for createFile")
  t.eq(t.call("createFile", { content = "w" }).ok, false)
end)
