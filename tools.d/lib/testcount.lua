-- testcount.lua - how many tests there are, by framework, from what was counted in files.
local testcount = {}

-- Where these words stand in a file that imports one of these, whose tests they are.
local SCRIPT_FRAMEWORKS = {
  { "node:test", "node:test" }, { "vitest", "vitest" }, { "@jest/globals", "jest" },
  { "@playwright/test", "Playwright" }, { "mocha", "mocha" }, { "ava", "ava" }, { "tap", "tap" },
}
-- In the root's package.json, for files that import none.
local SCRIPT_PACKAGES = { "vitest", "jest", "mocha", "jasmine", "ava" }

-- Files whose language has no tests but in files that are named so.
local ONLY_IN_TEST_FILES = {
  Python = true, JavaScript = true, TypeScript = true, Go = true, Lua = true, Ruby = true,
  PHP = true, Swift = true, Dart = true,
}

local function imports(file, name)
  for _, line in ipairs(file.kept or {}) do
    for quoted in line:gmatch("[\"']([^\"']+)[\"']") do
      if quoted == name then return true end
    end
  end
  return false
end

local function script_framework(file, packages)
  for _, pair in ipairs(SCRIPT_FRAMEWORKS) do
    if imports(file, pair[1]) then return pair[2] end
  end
  for _, name in ipairs(SCRIPT_PACKAGES) do
    if packages[name] then return name end
  end
  return "unknown (it and test in files named as tests)"
end

local function python_framework(file)
  for _, line in ipairs(file.kept or {}) do
    if line:find("^import unittest") or line:find("^from unittest%s") then return "unittest" end
  end
  return "pytest"
end

local function framework_of(file, name, packages)
  if name == "specs" then return script_framework(file, packages) end
  if name == "pytest" then return python_framework(file) end
  return name
end

--- files, names of the packages that the root's package.json wants -> { total=, files=,
-- frameworks={ {name=, tests=, files=}, ... } }, most tests first.
function testcount.count(files, packages)
  local total, in_files, by_name, list = 0, 0, {}, {}
  for _, file in ipairs(files) do
    local language, seen = file.language, {}
    if file.counts and (file.is_test or not ONLY_IN_TEST_FILES[language.name]) then
      for i, n in ipairs(file.counts) do
        if n > 0 then
          local name = framework_of(file, language.tests[i][2], packages)
          local one = by_name[name]
          if not one then
            one = { name = name, tests = 0, files = 0 }
            by_name[name] = one
            list[#list + 1] = one
          end
          one.tests = one.tests + n
          if not seen[name] then one.files = one.files + 1 end
          seen[name] = true
          total = total + n
        end
      end
    end
    if next(seen) then in_files = in_files + 1 end
  end
  table.sort(list, function(a, b)
    if a.tests ~= b.tests then return a.tests > b.tests end
    return a.name < b.name
  end)
  return { total = total, files = in_files, frameworks = list }
end

return testcount
