-- find_files_test.lua - what find_files finds.
local t = require "mcp".testing

local function find(args)
  local result = t.call("find_files", args)
  if not result.ok then return result.text end
  local paths = {}
  for i, item in ipairs(result.value.items) do paths[i] = item.path end
  return table.concat(paths, " "), result.value.truncated
end

t.case("finds by globs", function()
  t.root { ["a.c"] = "", ["src/b.c"] = "", ["src/x/c.h"] = "", ["src/x/d1.c"] = "", [".env"] = "" }
  local rows = {
    { "*.c", "a.c" }, { "**/*.c", "a.c src/b.c src/x/d1.c" }, { "src/**", "src/b.c src/x/c.h src/x/d1.c" },
    { "src/?.c", "src/b.c" }, { "**/d[0-9].c", "src/x/d1.c" }, { "**/*.{h,md}", "src/x/c.h" },
    { "src/*", "src/b.c" }, { "**/.env", "" }, { "none", "" },
  }
  for _, row in ipairs(rows) do t.eq(find { glob = row[1] }, row[2], row[1]) end
  t.eq({ find { glob = "**/*.c", max = 2 } }, { "a.c src/b.c", true })
  t.eq(find { glob = "" }, "glob is required")
end)
