-- repo.lua - the repository as resources: repo:///PATH is a file, or what a folder holds. What
-- tools may not touch is not there, and what the file functions refuse they refuse here, too.
local mcp = require "mcp"
local mime = require "mime"
local repofile = require "repofile"

local MAX_NAMES = 1000          -- of a folder that is read or listed
local MAX_COMPLETED = 10000     -- names looked at for a completion

local function read_folder(path)
  local names, missing, code = mcp.fs.list(path, { dirs = true, max = MAX_NAMES })
  if not names then return nil, missing, code end
  if missing then names[#names + 1] = "... " .. missing end
  return { text = table.concat(names, "\n"), mimeType = "text/plain" }
end

-- Text as text; with a zero byte, or not in UTF-8, as bytes.
local function read_file(path)
  local data, message, code = mcp.fs.read(path)
  if not data then return nil, message, code end
  local is_text = not data:find("\0", 1, true) and mcp.codec.utf8(data) == data
  local type = mime.of(path)
  if is_text then return { text = data, mimeType = type } end
  return { blob = data, mimeType = type == "text/plain" and "application/octet-stream" or type }
end

local function read(vars)
  local path = vars.path:gsub("/+$", "")
  if path == "" then
    if vars.path ~= "" then return nil end      -- repo://// names nothing
    return read_folder("")
  end
  local info, message, code = mcp.fs.stat(path)
  if code == "INVALID" then return nil end      -- no file has such a name
  if not info then return nil, message, code end
  if info.type == "folder" then return read_folder(path) end
  if info.type ~= "file" or path ~= vars.path then return nil end
  return read_file(path)
end

-- The files and folders of the top level.
local function list()
  local names, missing, code = mcp.fs.list("", { dirs = true, gitignore = true, max = MAX_NAMES })
  if not names then return nil, missing, code end
  local resources = {}
  for i, name in ipairs(names) do
    local is_folder = name:sub(-1) == "/"
    resources[i] = {
      uri = repofile.uri(name), name = name,
      mimeType = is_folder and "inode/directory" or mime.of(name),
    }
  end
  return resources
end

-- The names in the folder that has been typed which begin as the rest does.
local function complete(value)
  local folder = value:match("^(.*)/") or ""
  local names = mcp.fs.list(folder, { dirs = true, max = MAX_COMPLETED })
  local found = {}
  for _, name in ipairs(names or {}) do
    if name:sub(1, #value) == value then found[#found + 1] = name end
  end
  return found
end

return mcp.resource_template {
  name        = "repo",
  title       = "Files of the repository",
  description = "A file of the repository by its path, or the names in a folder. Paths are "
    .. "relative to the repository's top; repo:/// is the top itself.",
  uriTemplate = "repo:///{+path}",
  needs       = { "fs" },
  limits      = { memory = "32M", timeout = "30s" },
  complete    = { path = complete },
  list        = list,
  read        = read,
}
