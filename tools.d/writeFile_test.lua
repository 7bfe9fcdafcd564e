-- writeFile_test.lua - that writeFile tells failures in its result.
local mcp = require "mcp"
local t = mcp.testing

t.case("tells what it did", function()
  local value = t.call("writeFile", { path = "d/w.txt", content = "w", overwrite = true }).value
  t.eq(value.path:match("/d/w.txt$") ~= nil, true)
  t.eq(value, {
    success = true, operation = "writeFile", path = value.path, relativePath = value.path, size = 1,
    encoding = "utf8", overwritten = true, timestamp = mcp.time.iso(),
  })
end)

t.case("tells what failed in a result that is no error", function()
  t.root { a = "a" }
  local function call(path)
    local result = t.call("writeFile", { path = path, content = "w" })
    t.eq(result.ok, true)
    return result.value
  end
  t.eq(call("a"), {
    success = false, operation = "writeFile", path = "a", timestamp = mcp.time.iso(),
    error = "File already exists and overwrite=false: a",
  })
  t.eq(call("../a").error, "Path traversal not allowed: ../a")
  t.eq(call(".env").success, false)
end)

t.case("misses path or content", function()
  t.eq(t.call("writeFile", { path = "w", content = "" }).text,
    "Both path and content are required for writeFile")
  t.eq(t.call("writeFile", { content = "w" }).ok, false)
end)
