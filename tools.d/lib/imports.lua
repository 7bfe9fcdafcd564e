-- imports.lua - which file of the repository a line with an import means. What is not found in the
-- repository is another's: a library, or a header of the system.
local imports = {}

local function folder_of(path) return path:match("^(.*)/[^/]*$") or "" end

local function join(folder, path)
  return folder == "" and path or folder .. "/" .. path
end

-- Without "." and "..", nil where it leads out of the root.
local function normal(path)
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      if #parts == 0 then return nil end
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

-- self: paths (a set), folders (a set), by_base (lists of paths), packages (name -> folder), folder
-- and seen (what a line means in that folder).
local methods = {}
local object = { __index = methods }

--- paths: the set of all; packages: { name = folder } of what a manifest of the repository names.
function imports.new(paths, packages)
  local self = { paths = paths, folders = {}, by_base = {}, packages = packages, seen = {} }
  local prefixes = {}
  for name in pairs(packages) do prefixes[#prefixes + 1] = name end
  table.sort(prefixes, function(a, b)
    if #a ~= #b then return #a > #b end
    return a < b
  end)
  self.prefixes = prefixes
  local sorted = {}
  for path in pairs(paths) do sorted[#sorted + 1] = path end
  table.sort(sorted)
  for _, path in ipairs(sorted) do
    local base = path:match("[^/]*$")
    local list = self.by_base[base] or {}
    self.by_base[base] = list
    list[#list + 1] = path
    local folder = folder_of(path)
    while folder ~= "" and not self.folders[folder] do
      self.folders[folder] = true
      folder = folder_of(folder)
    end
  end
  return setmetatable(self, object)
end

-- The one file whose path ends so; the one nearest to the folder `from` where there are several.
function methods.ending(self, from, path)
  local best, best_length
  for _, candidate in ipairs(self.by_base[path:match("[^/]*$")] or {}) do
    if candidate == path or candidate:sub(-#path - 1) == "/" .. path then
      local length = 0
      while length < #candidate and candidate:byte(length + 1) == from:byte(length + 1) do
        length = length + 1
      end
      if not best or length > best_length then best, best_length = candidate, length end
    end
  end
  return best
end

-- The first of these that is there.
function methods.first(self, folder, path, suffixes)
  local whole = normal(join(folder, path))
  if not whole then return nil end
  for _, suffix in ipairs(suffixes) do
    if self.paths[whole .. suffix] then return whole .. suffix end
  end
end

-- ---- one line of each family: calls found(target) for each file that it means ----

local families = {}

function families.c(self, file, line, found)
  local quote, name = line:match("^#%s*include%s*([\"<])([^\">]+)[\">]")
  if not name then return end
  if quote == '"' then
    found(self:first(folder_of(file.path), name, { "" }) or self:ending(folder_of(file.path), name))
  else
    -- <string.h> is the system's, whatever the repository has of that name.
    found(name:find("/", 1, true) and self:ending(folder_of(file.path), name) or nil)
  end
end

local PYTHON = { ".py", "/__init__.py", ".pyi" }

function methods.python_module(self, folder, path)
  local found = self:first(folder, path, PYTHON)
  if found then return found end
  local whole = normal(join(folder, path))
  return whole and whole ~= "" and self.folders[whole] and whole .. "/" or nil
end

-- "a.b.c" of a file: from the root, from src, or beside the file.
function methods.python_absolute(self, file, name)
  local path = name:gsub("%.", "/")
  for _, folder in ipairs { "", "src", folder_of(file.path) } do
    local found = self:python_module(folder, path)
    if found then return found end
  end
end

function families.python(self, file, line, found)
  local dots, name, names = line:match("^from%s+(%.*)([%w_.]*)%s+import%s*(.*)$")
  if not dots then
    local list = line:match("^import%s+(.*)$")
    for part in (list or ""):gsub("#.*", ""):gmatch("[^,]+") do
      local module = part:match("^%s*([%w_.]+)")
      if module then found(self:python_absolute(file, module)) end
    end
    return
  end
  if dots == "" then return found(self:python_absolute(file, name)) end
  local folder = folder_of(file.path)
  for _ = 2, #dots do folder = folder_of(folder) end
  if name ~= "" then return found(self:python_module(folder, (name:gsub("%.", "/")))) end
  for module in names:gsub("#.*", ""):gmatch("[%a_][%w_]*") do
    local target = self:python_module(folder, module) or self:first(folder, "__init__.py", { "" })
    found(target)
  end
end

local SCRIPT = { "", ".ts", ".tsx", ".js", ".jsx", ".mjs", ".cjs", ".mts", ".d.ts", ".vue",
  ".json", "/index.ts", "/index.tsx", "/index.js", "/index.mjs" }

function methods.package_of(self, name, separator)
  for _, package in ipairs(self.prefixes) do
    if name == package or name:sub(1, #package + #separator) == package .. separator then
      return join(self.packages[package], "")
    end
  end
end

function methods.script_module(self, file, name)
  if not name:find("^%.%.?/") and name ~= "." and name ~= ".." then
    return self:package_of(name, "/")
  end
  local folder = folder_of(file.path)
  -- Sources in TypeScript name the file that is made of them.
  return self:first(folder, name, SCRIPT)
    or self:first(folder, (name:gsub("%.[mc]?jsx?$", "")), SCRIPT)
end

function families.script(self, file, line, found)
  local name = line:match("%f[%w]from%s*[\"']([^\"']+)[\"']")
    or line:match("^import%s*[\"']([^\"']+)[\"']")
  if name then found(self:script_module(file, name)) end
  for _, word in ipairs { "require", "import" } do
    for quoted in line:gmatch("%f[%w]" .. word .. "%s*%(%s*[\"']([^\"']+)[\"']") do
      found(self:script_module(file, quoted))
    end
  end
end

function families.go(self, _, line, found)
  local name = line:match("^import%s+[%w_.]*%s*\"([^\"]+)\"")
    or line:match("^[%w_.]*%s*\"([^\"]+)\"")
  if not name then return end
  for _, package in ipairs(self.prefixes) do
    if name == package or name:sub(1, #package + 1) == package .. "/" then
      local target = normal(join(self.packages[package], name:sub(#package + 2)))
      return found(target and self.folders[target] and target .. "/"
        or name == package and join(self.packages[package], "") or nil)
    end
  end
end

-- A crate's own modules lie in its own folder: only other crates of the repository are told.
function families.rust(self, _, line, found)
  local name = line:match("use%s+:*([%w_]+)") or line:match("extern%s+crate%s+([%w_]+)")
  if not name or name == "self" or name == "super" or name == "crate" then return end
  for _, package in ipairs(self.prefixes) do
    if package:gsub("%-", "_") == name then return found(join(self.packages[package], "")) end
  end
  found(nil)
end

local LUA = { ".lua", "/init.lua" }

function families.lua(self, file, line, found)
  for name in line:gmatch("%f[%w_]require%s*%(?%s*[\"']([%w_.%-/]+)[\"']") do
    local path = name:gsub("%.", "/")
    local target
    for _, folder in ipairs { "", "lua", "src", "lib", folder_of(file.path) } do
      target = target or self:first(folder, path, LUA)
    end
    -- Several parts name a place; one alone may be anybody's.
    found(target or path:find("/", 1, true) and self:ending(folder_of(file.path), path .. ".lua")
      or nil)
  end
end

--- Calls found(target) for each import in the file's kept lines: the path of a file in the
-- repository, of a folder with a slash at the end ("" is the root), or nil for what is not there.
function methods.each(self, file, found)
  local family = file.language and families[file.language.family or ""]
  if not family then return end
  local folder = folder_of(file.path)
  -- Files come folder by folder, mostly: of others nothing is kept.
  if self.folder ~= folder then self.folder, self.seen = folder, {} end
  local seen = self.seen
  for _, line in ipairs(file.kept or {}) do
    -- In one folder and one family a line means the same in all files.
    local means = seen[line]
    if not means or means.family ~= family then
      means = { family = family, n = 0 }
      family(self, file, line, function(target)
        means.n = means.n + 1
        means[means.n] = target or false
      end)
      seen[line] = means
    end
    for i = 1, means.n do found(means[i] or nil) end
  end
end

--- The first folder of a path, "." for what lies in the root itself.
function imports.top(path)
  return path:match("^([^/]+)/") or "."
end

return imports
