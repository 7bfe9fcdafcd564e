-- fs.lua - files below the root.
local mcp = require "mcp"
local t = require "t"

local function listings()
  assert(mcp.fs.mkdir("dir/sub"))
  t.eq(mcp.fs.mkdir("dir/sub"), false)
  for _, name in ipairs { "b.c", "a.c", "sub/x.h", ".gitignore" } do
    assert(mcp.fs.write("dir/" .. name, name == ".gitignore" and "*.h\n" or name))
  end
  t.eq(table.concat(mcp.fs.list("dir"), " "), "dir/.gitignore dir/a.c dir/b.c")
  t.eq(table.concat(mcp.fs.glob("dir/**/*.{c,h}"), " "), "dir/a.c dir/b.c dir/sub/x.h")
  t.eq(#mcp.fs.list("dir", { recursive = true, gitignore = true }), 3)
  local one, missing = mcp.fs.list("dir", { max = 1 })
  t.eq(#one, 1)
  t.eq(missing, "there are more names than max")
end

local function run()
  local w = assert(mcp.fs.write("a", "one\ntwo\n", { create = true }))
  t.eq(w.sha256, mcp.codec.sha256("one\ntwo\n"))
  t.fails("EEXIST", mcp.fs.write("a", "x", { create = true }))
  t.fails("CONFLICT", mcp.fs.write("a", "x", { sha256 = mcp.codec.sha256("x") }))
  assert(mcp.fs.append("a", "three"))
  local lines = {}
  for line in mcp.fs.lines("a") do lines[#lines + 1] = line end
  t.eq(table.concat(lines, "|"), "one|two|three")
  t.eq(mcp.fs.read("a", { offset = 4, length = 3 }), "two")
  t.eq(mcp.fs.stat("a").size, 13)
  assert(mcp.fs.rename("a", "b"))
  t.fails("ENOENT", mcp.fs.read("a"))
  assert(mcp.fs.remove("b", { sha256 = mcp.codec.sha256("one\ntwo\nthree") }))
  t.fails("DENIED", mcp.fs.read("../x"))
  t.fails("DENIED", mcp.fs.write(".env", "x"))
  t.raises("unknown option", mcp.fs.read, "a", { of = 1 })
  listings()
  return "ok"
end

return mcp.tool { name = "fs", needs = { "fs" }, run = run }
