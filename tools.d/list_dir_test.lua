-- list_dir_test.lua - what list_dir lists.
local t = require "mcp".testing

local function list(args)
  local result = t.call("list_dir", args)
  if not result.ok then return result.text end
  local paths = {}
  for i, item in ipairs(result.value.items) do
    paths[i] = item.type == "dir" and item.path .. "/" or item.path
  end
  return table.concat(paths, " "), result.value.truncated
end

t.case("lists files with their folders, in order", function()
  t.root { ["b/c.txt"] = "", ["b/d/e.md"] = "", a = "", ["A"] = "", [".env"] = "" }
  t.eq({ list { path = "" } }, { "A a b/c.txt b/d/e.md", false })
  t.eq(list { path = "", includeDirs = true }, "A a b/ b/c.txt b/d/ b/d/e.md")
  t.eq(list { path = "b/" }, "b/c.txt b/d/e.md")
  t.eq(list { path = "b", glob = "*.txt" }, "b/c.txt")
  t.eq(list { path = "b", glob = "**/*.{md,txt}" }, "b/c.txt b/d/e.md")
end)

t.case("says when there is more", function()
  t.root { a = "", b = "", c = "" }
  t.eq({ list { path = "", max = "2" } }, { "a b", true })
  t.eq({ list { path = "", max = 3 } }, { "a b c", false })
  t.eq({ list { path = "", max = 0 } }, { "a", true })
  t.eq({ list { path = "", max = 100000 } }, { "a b c", false })
end)

t.case("leaves out what .gitignore says only when it is told to", function()
  t.root { [".gitignore"] = "*.o\n", ["a.o"] = "", ["a.c"] = "" }
  t.eq(list { path = "" }, ".gitignore a.c a.o")
  t.eq(list { path = "", gitignore = true }, ".gitignore a.c")
end)

t.case("stays in the repository", function()
  t.eq(list { path = ".." }, "Path traversal not allowed: ..")
  t.eq(list { path = "none" }, "no such file or folder: none")
  t.eq(list { path = "/etc" }:match("^Absolute path must be within the repository: /") ~= nil, true)
end)
