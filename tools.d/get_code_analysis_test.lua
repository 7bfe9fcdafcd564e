-- get_code_analysis_test.lua - lines by language, the score, what is left out.
local mcp = require "mcp"
local t = mcp.testing

local NO_GIT = { ["git *"] = { code = 128, stderr = "fatal: not a git repository" } }

local function analyse(files)
  t.exec(NO_GIT)
  t.root(files)
  return t.call("get_code_analysis").value
end

local function of(value, name)
  for _, one in ipairs(value.languages) do
    if one.language == name then return { one.lines, one.code, one.comment, one.blank } end
  end
end

t.case("tells code from comments in many languages", function()
  local value = analyse {
    ["a.c"] = "/* a */ int x; /* b\nc */\n\"/*\" // d\n\n/**/\n// \\\n",
    ["a.py"] = "'''doc\n\n# x'''\nx = '''\n# code\n'''\n# y\n",
    ["a.lua"] = "--[[ a\nb ]] x()\n-- c\ny = [[\n-- code\n]]\n",
    ["a.html"] = "<!-- a\n-->\n<p>\n",
    ["a.sh"] = "#!/bin/sh\necho # x\n#! y\n",
    ["a.js"] = "`/*\n${x}\n`; 'it\\'s /*'\n/* x */\n",
    ["Makefile"] = "all:\n# x\n",
    ["a.unknown"] = "x\n",
  }
  t.eq(of(value, "C"), { 6, 2, 3, 1 })
  t.eq(of(value, "Python"), { 7, 3, 3, 1 })
  t.eq(of(value, "Lua"), { 6, 4, 2, 0 })
  t.eq(of(value, "HTML"), { 3, 1, 2, 0 })
  t.eq(of(value, "Shell"), { 3, 2, 1, 0 })
  t.eq(of(value, "JavaScript"), { 4, 3, 1, 0 })
  t.eq(of(value, "make"), { 2, 1, 1, 0 })
  t.eq(value.total_files, 8)
  t.eq(value.left_out[1].files, 1)
end)

t.case("scores as its formula says", function()
  local value = analyse {
    ["a.c"] = ("int x;\n"):rep(600) .. "/* " .. "TODO" .. " */\n" .. ("// x\n"):rep(99),
    ["b.c"] = ("int x;\n"):rep(400),
    ["tests/c.c"] = ("int x;\n"):rep(250),
  }
  -- tests: 250 / 1000 / 0.5; size: 1 - 600 / 1250; markers: 1 - 0.8 / 10; comments: 100 / 1350
  -- / 0.1
  t.eq(value.health_parts, { tests = 0.5, size = 0.52, markers = 0.92, comments = 0.7407 })
  t.eq(value.health_score, 61.4)
  t.eq(value.code_quality, "fair")
  t.eq(value.tests.ratio, 0.25)
  t.eq(value.todo.count, 1)
  t.eq(value.todo.per_1000_lines, 0.8)
  t.eq(value.largest_files[1], { path = "a.c", bytes = 4706, lines = 700 })
end)

t.case("says that there is nothing to score", function()
  local value = analyse { ["a.md"] = "x\n" }
  t.eq(value.health_score, 0)
  t.eq(value.code_quality, "unknown")
  t.eq(value.health_parts, mcp.json.null)
  t.eq(value.most_changed_files, mcp.json.null)
  t.eq(value.most_changed_reason, "git: not a git repository (NOT_A_REPOSITORY)")
end)

t.case("ranks by changes, of files that are there", function()
  t.exec {
    ["git * config *"] = { code = 1 },
    ["git * rev-parse *"] = { stdout = ("a"):rep(40) .. "\n" },
    ["git * branch *"] = { stdout = "main\n" },
    ["git * log *"] = { stdout = "\1\0\nb.c\0.env\0gone.c\0\1\0\na.c\0b.c\0" },
  }
  t.root { ["a.c"] = "int a;\n", ["b.c"] = "int b;\n", [".env"] = "x" }
  local value = t.call("get_code_analysis").value
  t.eq(value.most_changed_commits, 2)
  t.eq(value.most_changed_files, { { path = "b.c", commits = 2 }, { path = "a.c", commits = 1 } })
end)

t.case("leaves out what is denied or ignored", function()
  local value = analyse {
    [".gitignore"] = "*.log\n", ["a.log"] = "x", [".env"] = "x", ["k/id_rsa"] = "x",
  }
  t.eq(value.total_files, 1)
end)
