-- append_file_test.lua - what append_file adds.
local mcp = require "mcp"
local t = mcp.testing

local function sha(text) return mcp.codec.sha256(text) end

t.case("adds a newline before the contents, unless they begin with one", function()
  local rows = {
    { "a", "b", nil, "a\nb" }, { "a\n", "b\n", nil, "a\n\nb\n" }, { "a", "\nb", nil, "a\nb" },
    { "a", "b", false, "ab" }, { "", "b", nil, "\nb" }, { "a", "", nil, "a\n" },
  }
  for i, row in ipairs(rows) do
    local path = "f" .. i
    t.call("write_file", { path = path, contents = row[1] })
    local value = t.call("append_file", { path = path, contents = row[2], ensureNewline = row[3] }).value
    t.eq({ value.path, value.sha256, value.size }, { path, sha(row[4]), #row[4] })
  end
end)

t.case("counts characters as JavaScript does", function()
  t.root { a = "" }
  local function appended(text, encoding)
    return t.call("append_file", { path = "a", contents = text, encoding = encoding }).value.appended
  end
  t.eq({ appended("é"), appended("😀"), appended("00ff", "hex") }, { 1, 2, 4 })
end)

t.case("makes no file", function()
  t.eq(t.call("append_file", { path = "none", contents = "x" }).text, "File does not exist: none")
  t.eq(t.call("append_file", { path = "none" }).text, "path and contents required")
end)

t.case("stays in the repository, and away from what is not for tools", function()
  t.root { ["a.txt"] = "a" }
  local function call(path)
    return t.call("append_file", { path = path, contents = "x" })
  end
  t.eq(call("../x").text, "Path traversal not allowed: ../x")
  t.eq(call("a/../../x").text, "Path traversal not allowed: a/../../x")
  local outside = call("/etc/x").text
  t.eq(outside:match("^Absolute path must be within the repository: /") ~= nil, true, outside)
  for _, path in ipairs { ".git/config", ".env", "sub/.env" } do t.eq(call(path).ok, false, path) end
end)
