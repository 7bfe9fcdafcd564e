-- write_file_test.lua - what write_file writes and refuses.
local mcp = require "mcp"
local t = mcp.testing

local function sha(text) return mcp.codec.sha256(text) end

t.case("writes a file, in folders that it makes", function()
  local value = t.call("write_file", { path = "docs/new/a.md", contents = "# A\n" }).value
  t.eq(value.path:match("/docs/new/a.md$") ~= nil, true)
  t.eq(value.relativePath, value.path)
  t.eq({ value.size, value.encoding, value.created }, { 4, "utf8", value.modified })
  t.eq(t.call("write_file", { path = value.path, contents = "", overwrite = true }).value.size, 0)
end)

t.case("replaces a file only when it is told to", function()
  t.root { ["a.txt"] = "old" }
  t.eq(t.call("write_file", { path = "a.txt", contents = "new" }).text,
    "File already exists and overwrite=false: a.txt")
  t.eq(t.call("write_file", { path = "a.txt", contents = "new", overwrite = true }).value.size, 3)
  t.eq(t.call("write_file", { path = "" , contents = "x" }).text, "path and contents required")
  t.eq(t.call("write_file", { path = "x" }).text, "path and contents required")
  t.eq(t.call("write_file", { path = "./.", contents = "x" }).text, "Not the name of a file: ./.")
end)

t.case("writes the bytes of each encoding", function()
  local rows = {
    { "utf8", "é", "\xc3\xa9" }, { "UTF-8", "é", "\xc3\xa9" }, { "latin1", "é\xc3\xbf", "\xe9\xff" },
    { "ascii", "e~", "e~" }, { "hex", "00fF", "\0\xff" }, { "base64", "AP8=", "\0\xff" },
    { "base64", "-_8\n", "\xfb\xff" }, { "utf16le", "é😀", "\xe9\0\x3d\xd8\x00\xde" },
  }
  for i, row in ipairs(rows) do
    local path = "f" .. i
    t.call("write_file", { path = path, contents = row[2], encoding = row[1] })
    local got = t.call("delete_file", { path = path, expectSha256 = sha(row[3]) })
    t.eq(got.ok, true, row[1] .. ": " .. got.text)
  end
end)

t.case("refuses text that the encoding does not have", function()
  local rows = {
    { "ascii", "é", "contents hold U+00E9, which ascii does not have" },
    { "latin1", "€", "contents hold U+20AC, which latin1 does not have" },
    { "hex", "0", "contents are not hex: digits in pairs" }, { "base64", "a!", "contents are not base64" },
    { "utf7", "a", "Unknown encoding: utf7 (known: utf8, utf-8, ascii, latin1, base64, hex, utf16le)" },
  }
  for _, row in ipairs(rows) do
    local result = t.call("write_file", { path = "x", contents = row[2], encoding = row[1] })
    t.eq(result.text, row[3])
  end
  t.eq(t.call("list_dir", { path = "" }).value.items, {})
end)

t.case("stays in the repository, and away from what is not for tools", function()
  t.root { ["a.txt"] = "a" }
  local function call(path)
    return t.call("write_file", { path = path, contents = "x" })
  end
  t.eq(call("../x").text, "Path traversal not allowed: ../x")
  t.eq(call("a/../../x").text, "Path traversal not allowed: a/../../x")
  local outside = call("/etc/x").text
  t.eq(outside:match("^Absolute path must be within the repository: /") ~= nil, true, outside)
  for _, path in ipairs { ".git/config", ".env", "sub/.env" } do t.eq(call(path).ok, false, path) end
end)
