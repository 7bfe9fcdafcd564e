-- get_development_utilities.lua - what there is to work with: targets of the Makefile, scripts of
-- npm and Python, linters, type checkers, formatters, test runners; and the file that shows each.
local mcp = require "mcp"
local checkers = require "checkers"
local manifests = require "manifests"
local repository = require "repository"
local workflows = require "workflows"

local MAX_FILES = 30000
local MAX_UTILITIES = 500

local ROLES = { "testing", "linting", "typing", "formatting" }

-- The command that runs a script of this manifest, from the root.
local function command(manifest, script)
  if manifest.kind == "npm" then
    local where = manifest.folder ~= "" and " --prefix " .. manifest.folder or ""
    return "npm run" .. where .. " " .. script.name
  end
  return script.name
end

local function by_role(found)
  local tools, lists = {}, {}
  for _, role in ipairs(ROLES) do
    local names = {}
    lists[role] = mcp.json.array {}
    for _, one in ipairs(found) do
      if one.role == role then
        names[#names + 1] = one.name
        table.insert(lists[role], { name = one.name, evidence = one.evidence })
      end
    end
    if #names > 0 then tools[role] = table.concat(names, ", ") end
  end
  return tools, lists
end

local function run()
  local options = { recursive = true, gitignore = true, max = MAX_FILES }
  local list, missing, code = mcp.fs.list("", options)
  if not list then return nil, missing, code end
  local paths = {}
  for _, path in ipairs(list) do paths[path] = true end

  local all, broken = manifests.read(paths)
  local makefile, targets = manifests.make_targets(paths)
  local texts = workflows.find(paths)
  if makefile then table.insert(texts, 1, { path = makefile, text = repository.text(makefile) }) end
  for _, manifest in ipairs(all) do
    for _, script in ipairs(manifest.kind == "npm" and manifest.scripts or {}) do
      texts[#texts + 1] = { path = manifest.path, text = script.command }
    end
    if manifest.kind == "cmake" then
      texts[#texts + 1] = { path = manifest.path, text = repository.text(manifest.path) }
    end
  end

  local utilities = mcp.json.array {}
  local make, scripts = mcp.json.array {}, mcp.json.array {}
  for _, target in ipairs(targets) do
    utilities[#utilities + 1] = repository.short("make " .. target.name)
    make[#make + 1] = { name = target.name, description = target.description }
  end
  for _, manifest in ipairs(all) do
    for _, script in ipairs(manifest.scripts) do
      utilities[#utilities + 1] = repository.short(command(manifest, script))
      table.insert(scripts, {
        name = repository.short(script.name), command = repository.short(script.command),
        manifest = manifest.path,
      })
    end
  end
  local omitted = repository.cut(utilities, MAX_UTILITIES)
  repository.cut(make, MAX_UTILITIES)
  repository.cut(scripts, MAX_UTILITIES)
  local tools, lists = by_role(checkers.find(paths, all, texts))
  return {
    utilities = utilities, utilities_omitted = omitted, tools = tools,
    makefile = makefile or mcp.json.null,
    make_targets = make, scripts = scripts,
    test_runners = lists.testing, linters = lists.linting, type_checkers = lists.typing,
    formatters = lists.formatting,
    unreadable_manifests = mcp.json.array(broken), missing = missing,
    scope = repository.scope, timestamp = mcp.time.iso(),
  }
end

return mcp.tool {
  name        = "get_development_utilities",
  title       = "Utilities for development",
  description = "Report the targets of the Makefile, the scripts of package.json and "
    .. "pyproject.toml, and which linters, type checkers, formatters and test runners are used.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "fs" },
  limits      = { memory = "64M" },
  coerce      = true,
  run         = run,
}
