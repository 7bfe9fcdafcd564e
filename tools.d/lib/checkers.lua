-- checkers.lua - which linters, type checkers, formatters and test runners a repository uses, and
-- the file that shows it: one that is there for the program, a manifest that wants it, or a
-- Makefile or CI workflow that names it.
local checkers = {}

-- files: names of files, wherever they lie; section: tables of a TOML or headings of an INI file;
-- package: names in manifests; words: in Makefiles and CI workflows.
local KNOWN = {
  { "pytest", "testing", files = { "pytest.ini", "conftest.py" }, section = "tool.pytest",
    package = "pytest", word = "pytest" },
  { "unittest", "testing", word = "unittest" },
  { "tox", "testing", files = { "tox.ini" }, package = "tox" },
  { "vitest", "testing", files = { "vitest.config.ts", "vitest.config.js", "vitest.config.mts" },
    package = "vitest" },
  { "jest", "testing", files = { "jest.config.js", "jest.config.ts", "jest.config.json" },
    package = "jest" },
  { "mocha", "testing", files = { ".mocharc.json", ".mocharc.yml", ".mocharc.js" },
    package = "mocha" },
  { "Playwright", "testing", files = { "playwright.config.ts", "playwright.config.js" },
    package = "@playwright/test" },
  { "node:test", "testing", word = "node --test" },
  { "cmocka", "testing", word = "cmocka" },
  { "CTest", "testing", word = "ctest" },
  { "go test", "testing", word = "go test" },
  { "cargo test", "testing", word = "cargo test" },
  { "busted", "testing", files = { ".busted" }, word = "busted" },
  { "bats", "testing", word = "bats" },
  { "JUnit", "testing", word = "mvn test" },
  { "ruff", "linting", files = { "ruff.toml", ".ruff.toml" }, section = "tool.ruff",
    package = "ruff", word = "ruff" },
  { "flake8", "linting", files = { ".flake8" }, package = "flake8", word = "flake8" },
  { "pylint", "linting", files = { ".pylintrc", "pylintrc" }, section = "tool.pylint",
    package = "pylint", word = "pylint" },
  { "ESLint", "linting", files = { ".eslintrc", ".eslintrc.js", ".eslintrc.cjs", ".eslintrc.json",
    ".eslintrc.yml", "eslint.config.js", "eslint.config.mjs", "eslint.config.ts" },
    package = "eslint", word = "eslint" },
  { "Biome", "linting", files = { "biome.json", "biome.jsonc" }, package = "@biomejs/biome" },
  { "clang-tidy", "linting", files = { ".clang-tidy" }, word = "clang-tidy" },
  { "cppcheck", "linting", word = "cppcheck" },
  { "golangci-lint", "linting", files = { ".golangci.yml", ".golangci.yaml", ".golangci.toml" },
    word = "golangci-lint" },
  { "go vet", "linting", word = "go vet" },
  { "Clippy", "linting", files = { "clippy.toml", ".clippy.toml" }, word = "cargo clippy" },
  { "luacheck", "linting", files = { ".luacheckrc" }, word = "luacheck" },
  { "ShellCheck", "linting", files = { ".shellcheckrc" }, word = "shellcheck" },
  { "RuboCop", "linting", files = { ".rubocop.yml" }, word = "rubocop" },
  { "markdownlint", "linting", files = { ".markdownlint.json", ".markdownlint.yaml" } },
  { "mypy", "typing", files = { "mypy.ini", ".mypy.ini" }, section = "tool.mypy",
    package = "mypy", word = "mypy" },
  { "Pyright", "typing", files = { "pyrightconfig.json" }, section = "tool.pyright",
    package = "pyright", word = "pyright" },
  { "TypeScript", "typing", files = { "tsconfig.json" }, package = "typescript", word = "tsc" },
  { "Lua language server", "typing", files = { ".luarc.json" } },
  { "Black", "formatting", section = "tool.black", package = "black", word = "black" },
  { "Prettier", "formatting", files = { ".prettierrc", ".prettierrc.json", ".prettierrc.yml",
    "prettier.config.js" }, package = "prettier", word = "prettier" },
  { "clang-format", "formatting", files = { ".clang-format" }, word = "clang-format" },
  { "gofmt", "formatting", word = "gofmt" },
  { "rustfmt", "formatting", files = { "rustfmt.toml", ".rustfmt.toml" }, word = "cargo fmt" },
  { "StyLua", "formatting", files = { "stylua.toml", ".stylua.toml" } },
  { "EditorConfig", "formatting", files = { ".editorconfig" } },
}

local function has_section(manifest, wanted)
  for name in pairs(manifest.tables or {}) do
    if name == wanted or name:sub(1, #wanted + 1) == wanted .. "." then return true end
  end
  return false
end

-- As a whole word: "tsc" is not in "etsch".
local function names(text, word)
  local plain = word:gsub("%p", "%%%0")
  return text:find("%f[%w_]" .. plain .. "%f[^%w_]") ~= nil
end

local function evidence(one, by_base, all_manifests, texts)
  for _, name in ipairs(one.files or {}) do
    if by_base[name] then return by_base[name] end
  end
  for _, manifest in ipairs(all_manifests) do
    if one.section and has_section(manifest, one.section) then return manifest.path end
    if one.package and manifest.dependencies[one.package] then return manifest.path end
  end
  for _, text in ipairs(texts) do
    if one.word and names(text.text, one.word) then return text.path end
  end
end

--- paths: the set of all; texts: { {path=, text=} } of Makefiles and CI workflows. Returns a list
-- of { name=, role=, evidence= } in an order of its own, what is most often meant first.
function checkers.find(paths, all_manifests, texts)
  local by_base, found = {}, {}
  for path in pairs(paths) do
    local base = path:match("[^/]*$")
    local other = by_base[base]
    if not other or #path < #other or (#path == #other and path < other) then
      by_base[base] = path
    end
  end
  for _, one in ipairs(KNOWN) do
    local where = evidence(one, by_base, all_manifests, texts)
    if where then
      found[#found + 1] = { name = one[1], role = one[2], evidence = where }
    end
  end
  return found
end

return checkers
