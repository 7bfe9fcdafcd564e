-- manifests.lua - what files like package.json, pyproject.toml, go.mod, Cargo.toml and Makefiles
-- say: names, scripts, targets, and what they depend on.
local mcp = require "mcp"
local repository = require "repository"

local manifests = {}

local MAX_READ = 200           -- manifests of one kind

local function folder_of(path) return path:match("^(.*)/[^/]*$") or "" end

local function base_of(path) return path:match("[^/]*$") end

-- The shallowest first, so that what is left out of many lies deep.
local function paths_named(paths, wanted)
  local list = {}
  for path in pairs(paths) do
    if wanted[base_of(path)] then list[#list + 1] = path end
  end
  local function depth(path) return select(2, path:gsub("/", "")) end
  table.sort(list, function(a, b)
    local x, y = depth(a), depth(b)
    if x ~= y then return x < y end
    return a < b
  end)
  return table.move(list, 1, math.min(#list, MAX_READ), 1, {})
end

local function keys(value, into)
  for name in pairs(type(value) == "table" and value or {}) do
    if type(name) == "string" then into[name] = true end
  end
end

-- ---- the kinds: text -> { name=, scripts={ {name=, command=} }, dependencies= (a set) } ----

local function read_package_json(text)
  local value = mcp.json.decode(text)
  if type(value) ~= "table" then return nil end
  local one = { scripts = {}, dependencies = {} }
  if type(value.name) == "string" then one.name = value.name end
  for _, field in ipairs { "dependencies", "devDependencies", "peerDependencies" } do
    keys(value[field], one.dependencies)
  end
  if type(value.scripts) == "table" then
    for name, command in pairs(value.scripts) do
      if type(name) == "string" and type(command) == "string" then
        table.insert(one.scripts, { name = name, command = command })
      end
    end
  end
  table.sort(one.scripts, function(a, b) return a.name < b.name end)
  return one
end

-- Calls each(section, key, value) for each line of a TOML file; of a list of several lines key is
-- the list's own on all of them. Calls each(section) where a table begins.
local function toml_lines(text, each)
  local section, open = "", nil
  for line in text:gmatch("[^\n]+") do
    local head = not open and (line .. "#"):match("^%s*%[+%s*([^%]]-)%s*%]+%s*#")
    if head then
      section = head:gsub("[\"']", "")
      each(section)
    elseif open then
      each(section, open, line)
      if line:find("%]%s*,?%s*$") then open = nil end
    else
      local key, value = line:match("^%s*[\"']?([%w_.-]+)[\"']?%s*=%s*(.*)$")
      if key then each(section, key, value) end
      if key and value:find("^%[") and not value:find("%]") then open = key end
    end
  end
end

local NAMED = { project = true, package = true, ["tool.poetry"] = true }
local SCRIPTS = { ["project.scripts"] = true, ["tool.poetry.scripts"] = true }
-- In these tables a key names a group, and its list the packages.
local GROUPS = { ["project.optional-dependencies"] = true, ["dependency-groups"] = true }
local LISTS = { dependencies = true, requires = true }

-- name, scripts and dependencies of pyproject.toml and Cargo.toml; tables: the names of all.
local function read_toml(text)
  local one = { scripts = {}, dependencies = {}, tables = {} }
  toml_lines(text, function(section, key, value)
    if not key then
      one.tables[section] = true
    elseif key == "name" and NAMED[section] then
      one.name = one.name or value:match("^[\"']([^\"']*)[\"']")
    elseif SCRIPTS[section] then
      local command = value:match("[\"']([^\"']*)[\"']") or ""
      table.insert(one.scripts, { name = key, command = command })
    elseif GROUPS[section] or LISTS[key] then
      for quoted in value:gmatch("[\"']([%w_.-]+)") do one.dependencies[quoted:lower()] = true end
    elseif section:find("dependencies$") then
      one.dependencies[key:lower()] = true
    end
  end)
  return one
end

local function read_requirements(text)
  local one = { scripts = {}, dependencies = {} }
  for line in text:gmatch("[^\n]+") do
    local name = line:match("^%s*([%a][%w_.-]*)")
    if name then one.dependencies[name:lower()] = true end
  end
  return one
end

local function read_go_mod(text)
  local one = { name = text:match("^module%s+(%S+)") or text:match("\nmodule%s+(%S+)"),
    scripts = {}, dependencies = {} }
  for name in text:gmatch("\n%s*require%s+([%w._/-]+)%s+v") do one.dependencies[name] = true end
  for name in text:gmatch("\n%s+([%w._/-]+)%s+v") do one.dependencies[name] = true end
  return one
end

local function read_cmake(text)
  return { name = text:match("%f[%w][Pp][Rr][Oo][Jj][Ee][Cc][Tt]%s*%(%s*([%w_.-]+)"),
    scripts = {}, dependencies = {} }
end

local KINDS = {
  ["package.json"] = { kind = "npm", read = read_package_json },
  ["pyproject.toml"] = { kind = "python", read = read_toml },
  ["requirements.txt"] = { kind = "requirements", read = read_requirements },
  ["requirements-dev.txt"] = { kind = "requirements", read = read_requirements },
  ["go.mod"] = { kind = "go", read = read_go_mod },
  ["Cargo.toml"] = { kind = "cargo", read = read_toml },
  ["CMakeLists.txt"] = { kind = "cmake", read = read_cmake },
}

--- All of them: { path=, folder=, kind=, name=, scripts=, dependencies=, tables= }, the shallowest
-- first; and a list of paths of those that could not be read as what they are.
function manifests.read(paths)
  local list, broken = {}, {}
  for _, path in ipairs(paths_named(paths, KINDS)) do
    local kind = KINDS[base_of(path)]
    local one = kind.read(repository.text(path))
    if one then
      one.name = one.name and repository.short(one.name)
      one.path, one.folder, one.kind = path, folder_of(path), kind.kind
      list[#list + 1] = one
    else
      broken[#broken + 1] = path
    end
  end
  return list, broken
end

--- What the root's own package.json wants, a set of names.
function manifests.root_packages()
  local one = read_package_json(repository.text("package.json"))
  return one and one.dependencies or {}
end

local MAKEFILES = { "GNUmakefile", "makefile", "Makefile" }

--- The root's Makefile, as make would choose it: its path, and { {name=, description=} }: targets
-- that stand in it by name, without patterns and special ones. A description is what stands behind
-- ## on the line.
function manifests.make_targets(paths)
  local path
  for _, name in ipairs(MAKEFILES) do path = path or (paths[name] and name) end
  if not path then return nil, {} end
  local targets, seen = {}, {}
  for line in repository.text(path):gmatch("[^\n]+") do
    local names = line:match("^([%w_./%- ]+)%s*::?[^=]") or line:match("^([%w_./%- ]+)%s*::?$")
    if names and not line:find("^[%w_./%- ]+%s*:?:=") then
      local about = line:match("##%s*(.-)%s*$")
      for name in names:gmatch("%S+") do
        if not seen[name] and name:sub(1, 1) ~= "." then
          seen[name] = true
          targets[#targets + 1] = { name = name, description = about and repository.short(about) }
        end
      end
    end
  end
  return path, targets
end

return manifests
