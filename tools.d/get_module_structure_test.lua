-- get_module_structure_test.lua - modules, packages, and what each kind of import means.
local mcp = require "mcp"
local t = mcp.testing

local function structure(files)
  t.root(files)
  local value = t.call("get_module_structure").value
  local edges = {}
  for _, edge in ipairs(value.dependencies) do
    edges[#edges + 1] = ("%s>%s %d"):format(edge.from, edge.to, edge.imports)
  end
  return value, table.concat(edges, ", ")
end

t.case("C: beside the file, by a path's end, not the system's", function()
  local value, edges = structure {
    ["a/x.c"] = "#include \"y.h\"\n# include \"b/z.h\"\n#include <c/w.h>\n#include <string.h>\n"
      .. "// #include \"b/z.h\"\n",
    ["a/y.h"] = "int y;\n", ["src/b/z.h"] = "int z;\n", ["inc/c/w.h"] = "int w;\n",
    ["libc/string.h"] = "int s;\n",
  }
  t.eq(edges, "a>inc 1, a>src 1")
  t.eq(value.imports, { internal = 3, external = 1, lines_not_read = 0 })
  t.eq(value.total_modules, 4)
end)

t.case("Python: absolute, relative, several at once", function()
  local _, edges = structure {
    ["a/__init__.py"] = "", ["a/b/__init__.py"] = "", ["c/d.py"] = "x = 1\n", ["e.py"] = "",
    ["src/f/g.py"] = "x = 1\n",
    ["a/b/m.py"] = "import os, c.d as q, e  # c\nfrom c import d\nfrom .. import b\n"
      .. "from . import (\n" .. "from f.g import x\nfrom ...c import d\n",
  }
  t.eq(edges, "a>. 1, a>c 3, a>src 1")
end)

t.case("JavaScript and TypeScript: from, require, import(), packages of the repository", function()
  local value, edges = structure {
    ["package.json"] = '{"workspaces":["p/*"],"dependencies":{"express":"1"}}',
    ["p/q/package.json"] = '{"name":"@x/q"}', ["p/q/index.js"] = "x\n",
    ["lib/a.ts"] = "x\n", ["lib/b/index.tsx"] = "x\n", ["lib/c.js"] = "x\n",
    ["app/m.ts"] = "import {\n  a,\n} from '../lib/a.js'\nexport * from \"../lib/b\"\n"
      .. "const c = require('../lib/c'), d = await import(\"@x/q/deep\")\n"
      .. "import fs from 'node:fs'\n"
      .. "// import x from '../lib/a'\nimport '../lib/none'\n",
  }
  t.eq(edges, "app>lib 3, app>p 1")
  t.eq(value.imports.external, 2)
  t.eq(value.framework, "Express")
end)

t.case("Go: below the module's own path", function()
  local _, edges = structure {
    ["go.mod"] = "module example.org/m\n\nrequire (\n\tgithub.com/gin-gonic/gin v1.0.0\n)\n",
    ["cmd/main.go"] = "import (\n\t\"fmt\"\n\tx \"example.org/m/pkg/a\"\n)\n"
      .. "import \"example.org/m/util\"\n",
    ["pkg/a/a.go"] = "package a\n", ["util/u.go"] = "package u\n",
  }
  t.eq(edges, "cmd>pkg 1, cmd>util 1")
end)

t.case("Rust: other crates of the repository", function()
  local value, edges = structure {
    ["core/Cargo.toml"] = '[package]\nname = "my-core"\n[dependencies]\ntokio = "1"\n',
    ["core/src/lib.rs"] = "pub fn x() {}\n",
    ["app/Cargo.toml"] = '[package]\nname = "app"\n',
    ["app/src/main.rs"] = "use my_core::x;\nuse std::io;\nuse crate::y;\n",
  }
  t.eq(edges, "app>core 1")
  t.eq(value.framework, "Tokio")
  t.eq(value.imports.external, 1)
  t.eq(value.packages, {
    { name = "app", kind = "cargo", path = "app/Cargo.toml" },
    { name = "my-core", kind = "cargo", path = "core/Cargo.toml" },
  })
end)

t.case("Lua: from the root, lua/, src/, or beside the file", function()
  local _, edges = structure {
    ["a/m.lua"] = "local x = require \"b.c\"\nrequire('d')\nrequire(\"e\")\n-- require 'b.c'\n",
    ["b/c.lua"] = "x\n", ["lua/d/init.lua"] = "x\n", ["a/e.lua"] = "x\n", ["z/e.lua"] = "x\n",
  }
  t.eq(edges, "a>b 1, a>lua 1")
end)

t.case("reads more lines of imports than one look takes, and says which it did not", function()
  local line = "import x from \"./" .. ("x"):rep(200) .. "\"\n"
  local files = { ["b/y.js"] = "x\n" }
  for i = 1, 20 do files["a/f" .. i .. ".js"] = "import \"../b/y\"\n" .. line:rep(410) end
  local value, edges = structure(files)
  t.eq(edges, "a>b 20")
  t.eq(value.imports, { internal = 20, external = 20 * 399, lines_not_read = 20 * 11 })
end)

t.case("nothing where there is no code", function()
  local value = structure { ["a.md"] = "x\n" }
  t.eq(value.total_modules, 0)
  t.eq(value.framework, "none found")
  t.eq(value.dependencies, {})
end)

t.case("lists so many modules and no more, and says how many are missing", function()
  local files = {}
  for i = 1, 203 do files[("d%03d/a.c"):format(i)] = "int x;\n" end
  local value = structure(files)
  t.eq(value.total_modules, 203)
  t.eq(#value.modules, 200)
  t.eq(value.modules_omitted, 3)
  t.eq(#value.top_level, 200)
  t.eq(value.top_level_omitted, 3)
end)

t.case("reads what changed and knows the rest as it was", function()
  t.root {
    ["a/x.py"] = "import b.y\nimport os\n# c\n\nx = 1\n", ["b/y.py"] = "y = 1\n",
    ["run"] = "#!/usr/bin/env python3\nimport b.y\n", ["big.py"] = ("x = 1\n"):rep(200000),
    ["c/bin.py"] = "\0", ["b/__init__.py"] = "",
  }
  local first = t.call("get_module_structure").value
  local again = t.call("get_module_structure").value
  t.eq(again.cached, true)
  t.eq(again.files_read, 0)
  t.eq(again.modules, first.modules)
  t.call("append_file", { path = "b/y.py", contents = "import a.x\n" })
  local changed = t.call("get_module_structure").value
  t.eq(changed.cached, false)
  t.eq(changed.files_read, 1)
  t.eq(changed.imports.internal, first.imports.internal + 1)
  t.eq(changed.imports.external, first.imports.external)
  t.eq(changed.left_out, first.left_out)
  t.eq(changed.total_modules, first.total_modules)
end)
