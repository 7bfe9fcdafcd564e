-- get_development_utilities_test.lua - targets, scripts, and the file that shows each tool.
local mcp = require "mcp"
local t = mcp.testing

local function utilities(files)
  t.root(files)
  return t.call("get_development_utilities").value
end

t.case("reads targets as make would", function()
  local value = utilities {
    ["Makefile"] = "A := b\nB ?= c: d\n.PHONY: x\nall: a.o ## Build all.\nall: more\n%.o: %.c\n"
      .. "a b:\n\tc: d\nE = f\n$(A): x\nunit-%: y\ndocs:: z\n",
  }
  t.eq(value.utilities, { "make all", "make a", "make b", "make docs" })
  t.eq(value.make_targets[1], { name = "all", description = "Build all." })
  t.eq(value.makefile, "Makefile")
end)

t.case("reads scripts of package.json and pyproject.toml", function()
  local value = utilities {
    ["package.json"] = '{"scripts":{"b":"x","a":"jest"},"devDependencies":{"jest":"1"}}',
    ["web/package.json"] = '{"scripts":{"dev":"vite"}}',
    ["bad/package.json"] = "{",
    ["py/pyproject.toml"] = '[project]\nname = "x"\n[project.scripts]\n"x-run" = "x:main"\n',
  }
  t.eq(value.utilities, { "npm run a", "npm run b", "x-run", "npm run --prefix web dev" })
  t.eq(value.scripts[1], { name = "a", command = "jest", manifest = "package.json" })
  t.eq(value.unreadable_manifests, { "bad/package.json" })
  t.eq(value.tools, { testing = "jest" })
end)

t.case("names what is used, and where that stands", function()
  local value = utilities {
    ["pyproject.toml"] = "[tool.ruff.lint]\nx = 1\n[tool.mypy]\n",
    ["requirements-dev.txt"] = "# tools\npytest>=8\nblack\n",
    [".clang-tidy"] = "x", ["Makefile"] = "lint:\n\tcppcheck src; mypyx\n",
    [".github/workflows/a.yml"] = "run: go vet ./...\n",
  }
  t.eq(value.tools, { testing = "pytest", linting = "ruff, clang-tidy, cppcheck, go vet",
    typing = "mypy", formatting = "Black" })
  t.eq(value.test_runners, { { name = "pytest", evidence = "requirements-dev.txt" } })
  t.eq(value.linters[4], { name = "go vet", evidence = ".github/workflows/a.yml" })
end)

t.case("cuts what is long, repairs what is not UTF-8, lists 500", function()
  local lines = {}
  for i = 1, 502 do lines[i] = ("t%d:\n"):format(i) end
  local value = utilities {
    ["Makefile"] = "a: ## \xff\n" .. table.concat(lines),
    ["package.json"] = '{"scripts":{"x":"' .. ("y"):rep(1000) .. '"}}',
    ["pyproject.toml"] = "[project.scripts]\nq = \"\xff\"\n",
  }
  t.eq(#value.utilities, 500)
  t.eq(value.utilities_omitted, 5)
  t.eq(value.make_targets[1].description, "\u{FFFD}")
  t.eq(#value.scripts[1].command, 303)
  t.eq(value.scripts[2].command, "\u{FFFD}")
end)

t.case("finds nothing where there is nothing", function()
  local value = t.call("get_development_utilities", { extra = 1 }).value
  t.eq(value.utilities, {})
  t.eq(value.tools, {})
  t.eq(value.makefile, mcp.json.null)
end)
