-- repo_test.lua - the repository as resources.
local mcp = require "mcp"
local t = mcp.testing

local MISSING = -32602

local function root()
  t.root { ["README.md"] = "# Hello\n", ["src/a b.c"] = "int a;\n", ["bin/data"] = "\0\1",
    [".env"] = "TOKEN=1\n" }
end

t.case("reads a file as text, with its type", function()
  root()
  local result = t.call("repo:///README.md")
  t.eq(result.contents, {
    { uri = "repo:///README.md", mimeType = "text/markdown", text = "# Hello\n" },
  })
  t.eq(t.call("repo:///src/a%20b.c").text, "int a;\n")
end)

t.case("what is no text is bytes", function()
  root()
  t.eq(t.call("repo:///bin/data").contents, {
    { uri = "repo:///bin/data", mimeType = "application/octet-stream", blob = "AAE=" },
  })
end)

t.case("a folder is the names in it", function()
  root()
  t.eq(t.call("repo:///").text, "README.md\nbin/\nsrc/")
  t.eq(t.call("repo:///src").text, "src/a b.c")
  t.eq(t.call("repo:///src/").text, "src/a b.c")
end)

t.case("what is not for tools, and what is not there, cannot be told apart", function()
  root()
  for _, path in ipairs { ".env", "nope", "../mcp.ini", "/etc/passwd", "src/%2e%2e/%2e%2e/x",
    "README.md/", "README.md/.", ("x"):rep(300), "/" } do
    local result = t.call("repo:///" .. path)
    t.eq(result.code, MISSING, path)
    t.eq(result.text, "Resource not found", path)
  end
end)
