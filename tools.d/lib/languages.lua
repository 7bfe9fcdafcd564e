-- languages.lua - how files of the languages are told, counted, and what in them is an import or a
-- test. A language: name; kind ("code", "markup", "data" or "prose"); syntax, as mcp.fs.tally takes
-- it; imports: what lines hold them; tests: { word, framework }, as mcp.fs.tally counts words.
local languages = {}

local MARKERS = { "TODO", "FIXME", "XXX", "HACK" }

local SLASHES = { line = { "//" }, block = { { "/*", "*/" } }, quotes = "\"'" }
local HASH = { line = { "#" } }
local DASHES = { line = { "--" }, block = { { "/*", "*/" } }, quotes = "'" }
local ANGLES = { block = { { "<!--", "-->" } } }
local SCRIPT = {
  line = { "//" }, block = { { "/*", "*/" } }, text = { { "`", "`" } }, quotes = "\"'",
}

local INCLUDES = { keep = { "^#include", "^# include", "^#  include" } }
local MODULES = {
  keep = { "^import \"", "^import '", "from \"", "from '", "require(", "import(" },
}

-- Of tests in JavaScript: whose they are stands in the imports.
local SPECS = {
  { "^it(", "specs" }, { "^test(", "specs" }, { "^it.each", "specs" }, { "^test.each", "specs" },
  { "^it.only(", "specs" }, { "^test.only(", "specs" }, { "^it.skip(", "specs" },
  { "^test.skip(", "specs" }, { "^await t.test(", "specs" },
}
local C_TESTS = {
  { "cmocka_unit_test", "cmocka" }, { "RUN_TEST(", "Unity" }, { "tcase_add_test(", "Check" },
}
local CPP_TESTS = {
  { "^TEST(", "GoogleTest" }, { "^TEST_F(", "GoogleTest" }, { "^TEST_P(", "GoogleTest" },
  { "^TEST_CASE(", "Catch2 or doctest" }, { "^BOOST_AUTO_TEST_CASE(", "Boost.Test" },
}
local JUNIT = { { "^@Test", "JUnit" }, { "^@ParameterizedTest", "JUnit" } }

local function lang(name, kind, extensions, syntax, more)
  local one = { name = name, kind = kind, syntax = syntax, extensions = extensions }
  for key, value in pairs(more or {}) do one[key] = value end
  return one
end

languages.list = {
  lang("C", "code", "c h", SLASHES, { imports = INCLUDES, tests = C_TESTS, family = "c" }),
  lang("C++", "code", "cc cpp cxx hh hpp hxx", SLASHES,
    { imports = INCLUDES, tests = CPP_TESTS, family = "c" }),
  lang("Python", "code", "py pyi", {
    line = { "#" }, quotes = "\"'",
    block = { { '^"""', '"""' }, { "^'''", "'''" }, { '^r"""', '"""' }, { '^u"""', '"""' } },
    text = { { '"""', '"""' }, { "'''", "'''" } },
  }, {
    imports = { keep = { "^import ", "^from " } }, family = "python",
    tests = { { "^def test_", "pytest" }, { "^async def test_", "pytest" } },
  }),
  lang("JavaScript", "code", "js mjs cjs jsx", SCRIPT,
    { imports = MODULES, tests = SPECS, family = "script" }),
  lang("TypeScript", "code", "ts mts cts tsx", SCRIPT,
    { imports = MODULES, tests = SPECS, family = "script" }),
  lang("Go", "code", "go", {
    line = { "//" }, block = { { "/*", "*/" } }, text = { { "`", "`" } }, quotes = "\"'",
  }, {
    imports = { keep = { "^import " }, section = { { "^import (", ")" } } }, family = "go",
    tests = { { "^func Test", "go test" }, { "^func Fuzz", "go test" } },
  }),
  lang("Rust", "code", "rs", { line = { "//" }, block = { { "/*", "*/" } }, quotes = '"' }, {
    imports = { keep = { "^use ", "^pub use ", "^pub(crate) use ", "^extern crate " } },
    tests = { { "^#[test]", "cargo test" }, { "^#[tokio::test", "cargo test" } }, family = "rust",
  }),
  lang("Lua", "code", "lua", {
    block = { { "--[[", "]]" }, { "--[=[", "]=]" } }, line = { "--" }, quotes = "\"'",
    text = { { "[[", "]]" }, { "[=[", "]=]" } },
  }, {
    imports = { keep = { "require" } }, family = "lua",
    tests = { { "^it(", "busted" }, { "^t.case(", "moongate test" } },
  }),
  lang("Java", "code", "java", SLASHES, { tests = JUNIT }),
  lang("Kotlin", "code", "kt kts", SLASHES, { tests = JUNIT }),
  lang("C#", "code", "cs", SLASHES,
    { tests = { { "^[Test]", "NUnit" }, { "^[Fact]", "xUnit" }, { "^[TestMethod]", "MSTest" } } }),
  lang("Swift", "code", "swift", SLASHES, { tests = { { "^func test", "XCTest" } } }),
  lang("Scala", "code", "scala", SLASHES),
  lang("Dart", "code", "dart", SLASHES, { tests = { { "^test(", "dart test" } } }),
  lang("PHP", "code", "php", { line = { "//", "#" }, block = { { "/*", "*/" } }, quotes = "\"'" },
    { tests = { { "^public function test", "PHPUnit" } } }),
  lang("Ruby", "code", "rb rake", { line = { "#" }, block = { { "^=begin", "=end" } } },
    { tests = { { "^it ", "RSpec" }, { "^def test_", "minitest" } } }),
  lang("Perl", "code", "pl pm", {
    line = { "#" },
    block = { { "^=pod", "=cut" }, { "^=head", "=cut" }, { "^=over", "=cut" } },
  }),
  lang("Shell", "code", "sh bash zsh", HASH),
  lang("Bats", "code", "bats", HASH, { tests = { { "^@test ", "bats" } } }),
  lang("SQL", "code", "sql", DASHES),
  lang("awk", "code", "awk", HASH),
  lang("Assembly", "code", "s asm", { line = { "//", ";", "#" }, block = { { "/*", "*/" } } }),
  lang("R", "code", "r", HASH),
  lang("Julia", "code", "jl", { line = { "#" }, block = { { "#=", "=#" } } }),
  lang("Elixir", "code", "ex exs", HASH),
  lang("Haskell", "code", "hs", { line = { "--" }, block = { { "{-", "-}" } } }),
  lang("Zig", "code", "zig", { line = { "//" } }),
  lang("Protocol Buffers", "code", "proto", SLASHES),
  lang("HTML", "markup", "html htm", ANGLES),
  lang("Vue", "code", "vue", { block = { { "<!--", "-->" }, { "/*", "*/" } }, line = { "//" } }),
  lang("Svelte", "code", "svelte",
    { block = { { "<!--", "-->" }, { "/*", "*/" } }, line = { "//" } }),
  lang("CSS", "markup", "css", { block = { { "/*", "*/" } } }),
  lang("SCSS", "markup", "scss less", { line = { "//" }, block = { { "/*", "*/" } } }),
  lang("XML", "markup", "xml xsd xsl svg", ANGLES),
  lang("JSON", "data", "json", {}),
  lang("YAML", "data", "yml yaml", HASH),
  lang("TOML", "data", "toml", HASH),
  lang("INI", "data", "ini cfg", { line = { ";", "#" } }),
  lang("CSV", "data", "csv tsv", {}),
  lang("JSON Lines", "data", "jsonl", {}),
  lang("Markdown", "prose", "md markdown", ANGLES),
  lang("reStructuredText", "prose", "rst", {}),
  lang("Text", "prose", "txt", {}),
  lang("make", "code", "mk", HASH),
  lang("CMake", "code", "cmake", HASH),
  lang("Dockerfile", "code", "dockerfile", HASH),
}

local by_extension, by_name = {}, {}
for _, one in ipairs(languages.list) do
  by_name[one.name] = one
  for extension in one.extensions:gmatch("%S+") do by_extension[extension] = one end
end

local FILES = {
  makefile = "make", gnumakefile = "make", dockerfile = "Dockerfile", ["cmakelists.txt"] = "CMake",
  rakefile = "Ruby", gemfile = "Ruby",
}

--- The language of a file, nil where its name does not tell.
function languages.of(path)
  local extension = path:match("%.([^./]+)$")
  local language = extension ~= "txt" and by_extension[extension]   -- most, at once
  if language then return language end
  local base = path:match("[^/]*$"):lower()
  if FILES[base] then return by_name[FILES[base]] end
  return by_extension[base:match("%.([^.]+)$") or ""]
end

--- The language of this name, or nil.
function languages.named(name) return by_name[name] end

local PROGRAMS = {
  sh = "Shell", bash = "Shell", dash = "Shell", zsh = "Shell", ksh = "Shell", python = "Python",
  perl = "Perl", ruby = "Ruby", node = "JavaScript", lua = "Lua", awk = "awk", gawk = "awk",
  mawk = "awk", php = "PHP", Rscript = "R", bats = "Bats", make = "make",
}

--- The language of a file that begins with this line, such as "#!/bin/sh", or nil.
function languages.of_first_line(line)
  local program, rest = line:match("^#!%s*(%S+)%s*(.*)$")
  local name = program and program:match("[^/]*$")
  if name == "env" then name = rest:gsub("^%-S%s+", ""):match("^(%S+)") end
  return name and by_name[PROGRAMS[name:gsub("[%d.]+$", "")] or ""]
end

--- What mcp.fs.tally is told of a file whose name tells no language: to show its first line.
languages.unknown = { keep = { "^#!" } }

local TEST_FOLDERS = { test = true, tests = true, __tests__ = true, spec = true, specs = true }

local function is_test_folder(path)
  for folder in path:gmatch("[^/]+") do
    if TEST_FOLDERS[folder] then return true end
  end
  return false
end

--- By its name or a folder that it lies in: is it there to test others?
function languages.is_test(path)
  local folder, base = path:match("^(.-)([^/]*)$")
  if is_test_folder(folder) then return true end
  if not base:find("[Tt]est") and not base:find("spec", 1, true) and not base:find(".bats", 1, true)
  then
    return false
  end
  return base:find("^test_") ~= nil or base:find("[._-]test%.[^.]+$") ~= nil
    or base:find("[._-]spec%.[^.]+$") ~= nil or base:find("%l[Tt]ests?%.java$") ~= nil
    or base:find("%l[Tt]ests?%.kt$") ~= nil or base:find("%.bats$") ~= nil
end

-- Those whose imports tell whose tests are in a file.
local TOLD_BY_IMPORTS = { script = true, python = true }

--- What mcp.fs.tally is told of a language. imports: "all": lines with imports are kept; "tests":
-- where they tell whose tests are in the file; nil: none.
function languages.options(language, imports)
  local options = { markers = MARKERS }
  for key, value in pairs(language and language.syntax or {}) do options[key] = value end
  if language and language.tests then
    options.count = {}
    for i, test in ipairs(language.tests) do options.count[i] = test[1] end
  end
  if language and language.imports
      and (imports == "all" or imports == "tests" and TOLD_BY_IMPORTS[language.family]) then
    options.keep, options.section = language.imports.keep, language.imports.section
  end
  return options
end

languages.markers = MARKERS

return languages
