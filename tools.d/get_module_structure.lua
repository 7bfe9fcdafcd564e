-- get_module_structure.lua - the modules of the repository, which are the folders that hold code,
-- its packages, and which top-level folder imports from which.
local mcp = require "mcp"
local imports = require "imports"
local manifests = require "manifests"
local repository = require "repository"

local MAX_MODULES = 200        -- that are listed
local MAX_PACKAGES = 100
local MAX_EDGES = 500

local FRAMEWORKS = {
  { "next", "Next.js" }, { "nuxt", "Nuxt" }, { "@angular/core", "Angular" }, { "svelte", "Svelte" },
  { "vue", "Vue" }, { "react", "React" }, { "@nestjs/core", "NestJS" }, { "express", "Express" },
  { "fastify", "Fastify" }, { "hono", "Hono" }, { "electron", "Electron" },
  { "@modelcontextprotocol/sdk", "MCP SDK" },
  { "django", "Django" }, { "fastapi", "FastAPI" }, { "flask", "Flask" }, { "torch", "PyTorch" },
  { "tensorflow", "TensorFlow" }, { "mcp", "MCP SDK" },
  { "github.com/gin-gonic/gin", "Gin" }, { "github.com/labstack/echo/v4", "Echo" },
  { "github.com/gofiber/fiber/v2", "Fiber" },
  { "axum", "axum" }, { "actix-web", "Actix Web" }, { "rocket", "Rocket" }, { "tokio", "Tokio" },
}

local function frameworks(all)
  local names, evidence, seen = {}, mcp.json.array {}, {}
  for _, known in ipairs(FRAMEWORKS) do
    for _, manifest in ipairs(all) do
      if manifest.dependencies[known[1]] and not seen[known[2]] then
        seen[known[2]] = true
        names[#names + 1] = known[2]
        table.insert(evidence, { name = known[2], evidence = manifest.path })
      end
    end
  end
  return #names > 0 and table.concat(names, ", ") or "none found", evidence
end

local function add(sum, file)
  sum.files = sum.files + 1
  sum.lines, sum.code = sum.lines + file.lines, sum.code + file.code
  sum.bytes = sum.bytes + file.size
end

local function sorted(by_path)
  local list = mcp.json.array {}
  for _, one in pairs(by_path) do list[#list + 1] = one end
  table.sort(list, function(a, b)
    if a.code ~= b.code then return a.code > b.code end
    return a.path < b.path
  end)
  return list
end

local function new(path) return { path = path, files = 0, lines = 0, code = 0, bytes = 0 } end

-- Modules, and what lies below each top-level folder.
local function sizes(files)
  local modules, tops = {}, {}
  for _, file in ipairs(files) do
    if file.lines and file.language and file.language.kind == "code" then
      local folder = file.path:match("^(.*)/[^/]*$") or "."
      local top = imports.top(file.path)
      modules[folder] = modules[folder] or new(folder)
      tops[top] = tops[top] or new(top)
      add(modules[folder], file)
      add(tops[top], file)
    end
  end
  return sorted(modules), sorted(tops)
end

-- From one top-level folder to another; how many imports are whose, and of how many lines not all
-- were kept.
local function dependencies(scan, packages)
  local reader = imports.new(scan.paths, packages)
  local edges, list = {}, mcp.json.array {}
  local figures = { internal = 0, external = 0, lines_not_read = 0 }
  for _, file in ipairs(scan.files) do
    figures.lines_not_read = figures.lines_not_read + (file.more or 0)
    local from = imports.top(file.path)
    reader:each(file, function(target)
      if not target then
        figures.external = figures.external + 1
        return
      end
      figures.internal = figures.internal + 1
      local to = imports.top(target)
      if to == from then return end
      local key = from .. "\0" .. to
      if not edges[key] then
        edges[key] = { from = from, to = to, imports = 0 }
        list[#list + 1] = edges[key]
      end
      edges[key].imports = edges[key].imports + 1
    end)
  end
  table.sort(list, function(a, b)
    if a.from ~= b.from then return a.from < b.from end
    return a.to < b.to
  end)
  return list, figures
end

local PACKAGES = { npm = true, python = true, go = true, cargo = true, cmake = true }

-- Those with a name, and a Python package for each folder with an __init__.py that lies in none.
local function packages_of(all, paths)
  local list, names = mcp.json.array {}, {}
  for _, manifest in ipairs(all) do
    if PACKAGES[manifest.kind] and manifest.name then
      table.insert(list, { name = manifest.name, kind = manifest.kind, path = manifest.path })
      if manifest.kind ~= "cmake" and manifest.kind ~= "python" and not names[manifest.name] then
        names[manifest.name] = manifest.folder
      end
    end
  end
  local found = {}
  for path in pairs(paths) do
    local folder = path:match("^(.+)/__init__%.py$")
    local parent = folder and folder:match("^(.*)/[^/]*$")
    local is_inner = parent and paths[parent .. "/__init__.py"]
    if folder and not is_inner then found[#found + 1] = folder end
  end
  table.sort(found)
  for _, folder in ipairs(found) do
    table.insert(list, { name = folder:match("[^/]*$"), kind = "python folder", path = folder })
  end
  return list, names
end

local function report(scan)
  local all = manifests.read(scan.paths)
  local packages, names = packages_of(all, scan.paths)
  local modules, tops = sizes(scan.files)
  local edges, figures = dependencies(scan, names)
  local framework, evidence = frameworks(all)
  local total = #modules
  local cut = repository.cut
  return {
    total_modules = total, framework = framework, frameworks = evidence,
    module_is = "a folder that itself holds files of code", modules = modules,
    modules_omitted = cut(modules, MAX_MODULES),
    packages_omitted = cut(packages, MAX_PACKAGES), packages = packages,
    top_level_omitted = cut(tops, MAX_MODULES), top_level = tops,
    dependencies_omitted = cut(edges, MAX_EDGES), dependencies = edges, imports = figures,
    dependencies_of = "C and C++ (#include), Python, JavaScript and TypeScript, Go, Rust (between "
      .. "crates) and Lua; what is not in the repository counts as external",
    scope = repository.scope, left_out = repository.left_out(scan),
  }
end

local last = {}                -- what was said, and of which version

local function run()
  local said = last
  local scan, message, code = repository.scan("all", said.version)
  if not scan then return nil, message, code end
  local is_cached = not scan.files
  if not is_cached then
    said = { version = scan.version, report = report(scan) }
    last = said
  end
  local answer = {}
  for key, value in pairs(said.report) do answer[key] = value end
  answer.cached, answer.files_read = is_cached, scan.read
  answer.timestamp = mcp.time.iso()
  return answer
end

return mcp.tool {
  name        = "get_module_structure",
  title       = "Structure of the modules",
  description = "Report the modules and packages of the repository with their sizes, the framework "
    .. "it is built on, and which top-level folders import from which.",
  input       = { type = "object", properties = {} },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "fs" },
  limits      = { memory = "128M" },
  coerce      = true,
  run         = run,
}
