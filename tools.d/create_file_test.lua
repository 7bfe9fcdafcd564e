-- create_file_test.lua - what create_file makes and refuses.
local mcp = require "mcp"
local t = mcp.testing

local function sha(text) return mcp.codec.sha256(text) end

t.case("makes a file with the head of a template", function()
  local rows = {
    { "python", "#!/usr/bin/env python3\n" }, { "JavaScript", '"use strict";\n' },
    { "typescript", "/** f */\n" }, { "Markdown", "# f\n" }, { "other", "" },
  }
  for i, row in ipairs(rows) do
    t.root {}
    local path = i .. "/f"
    local value = t.call("create_file", { path = path, contents = "body", template = row[1] }).value
    t.eq({ value.template, value.encoding }, { row[1], "utf8" })
    local text = t.call("fetch", { id = "lukhas-path:" .. mcp.codec.base64url(path) }).value.text
    t.eq(text:sub(1, #row[2]), row[2])
    t.eq(text:sub(-4), "body")
    t.eq(value.size, #text)
  end
end)

t.case("the head of a template stands before bytes as well", function()
  local head = "# f\n\n"
  t.call("create_file", { path = "f", contents = "AP8=", encoding = "base64", template = "markdown" })
  t.eq(t.call("delete_file", { path = "f", expectSha256 = sha(head .. "\0\xff") }).ok, true)
end)

t.case("never replaces a file", function()
  t.root { ["a.txt"] = "old" }
  t.eq(t.call("create_file", { path = "a.txt", contents = "new" }).text,
    "Cannot create file: File already exists: a.txt")
  t.eq(t.call("create_file", { path = "b" }).text, "path and contents required")
  t.eq(t.call("create_file", { path = "b", contents = "" }).value.template, mcp.json.null)
end)

t.case("stays in the repository, and away from what is not for tools", function()
  t.root { ["a.txt"] = "a" }
  local function call(path)
    return t.call("create_file", { path = path, contents = "x" })
  end
  t.eq(call("../x").text, "Path traversal not allowed: ../x")
  t.eq(call("a/../../x").text, "Path traversal not allowed: a/../../x")
  local outside = call("/etc/x").text
  t.eq(outside:match("^Absolute path must be within the repository: /") ~= nil, true, outside)
  for _, path in ipairs { ".git/config", ".env", "sub/.env" } do t.eq(call(path).ok, false, path) end
end)
