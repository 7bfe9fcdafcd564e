-- rename_file_test.lua - where rename_file moves a file.
local t = require "mcp".testing

t.case("moves a file, into folders that it makes", function()
  t.root { ["a.txt"] = "text" }
  t.eq(t.call("rename_file", { from = "a.txt", to = "x/y/b.txt" }).value,
    { from = "a.txt", to = "x/y/b.txt", size = 4, moved = true })
  t.eq(t.call("find_files", { glob = "**" }).value.items, { { path = "x/y/b.txt" } })
end)

t.case("replaces a file only when it is told to", function()
  t.root { a = "a", b = "bb" }
  t.eq(t.call("rename_file", { from = "a", to = "b" }).text,
    "Target file exists and overwrite=false: b")
  t.eq(t.call("rename_file", { from = "b", to = "a", overwrite = true }).value.size, 2)
end)

t.case("needs a file that is there, in the repository", function()
  t.root { a = "a" }
  t.eq(t.call("rename_file", { from = "none", to = "b" }).text, "Source file does not exist: none")
  t.eq(t.call("rename_file", { from = "none", to = "x/y" }).text, "Source file does not exist: none")
  t.eq(t.call("rename_file", { from = "a" }).text, "from and to paths required")
  t.eq(t.call("rename_file", { from = "a", to = "../b" }).text, "Path traversal not allowed: ../b")
  t.eq(t.call("rename_file", { from = "../a", to = "b" }).text, "Path traversal not allowed: ../a")
  t.eq(t.call("rename_file", { from = "a", to = ".env" }).ok, false)
  t.eq(t.call("rename_file", { from = "a", to = ".git/hooks/post-commit" }).ok, false)
  t.eq(t.call("find_files", { glob = "**" }).value.items, { { path = "a" } })
end)
