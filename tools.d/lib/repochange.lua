-- repochange.lua - tells clients what tools have changed of the repository: those that subscribed
-- to a file, or to a folder whose names are others now, and those that were given the top level.
local mcp = require "mcp"
local repofile = require "repofile"

local repochange = {}

local MAX_URI = 2048            -- bytes; nobody can subscribe to a longer one
local MAX_MOVED = 10000         -- entries of a folder that is renamed

local function tell(path)
  local uri = repofile.uri(path)
  if #uri <= MAX_URI then mcp.resources.updated(uri) end
end

-- Lists name a folder with a slash behind it; without one it is the same resource.
local function tell_folder(path)
  tell(path)
  if path ~= "" then tell(path .. "/") end
end

--- The file has other contents.
function repochange.contents(path)
  tell(path)
end

--- Something has that name now, or nothing has it any more. made: the topmost folder that was made
-- for it, if any.
function repochange.name(path, made)
  tell(path)
  local last = repofile.folder(made or path)
  local folder = path
  repeat
    folder = repofile.folder(folder)
    tell_folder(folder)
  until folder == last
  if last == "" then mcp.resources.list_changed("repo") end
end

--- What was `from` is `to`: a file, or a folder with all that lies in it.
function repochange.rename(from, to, made)
  repochange.name(from)
  repochange.name(to, made)
  local info = mcp.fs.stat(to)
  if not info or info.type ~= "folder" then return end
  tell_folder(from)
  tell_folder(to)
  local within = { recursive = true, dirs = true, max = MAX_MOVED }
  for _, path in ipairs(mcp.fs.list(to, within) or {}) do
    local tell_one = path:sub(-1) == "/" and tell_folder or tell
    path = path:gsub("/$", "")
    tell_one(path)
    tell_one(from .. path:sub(#to + 1))
  end
end

return repochange
