-- repofile.lua - how files of the repository are named to clients: ids, URIs and URLs.
local mcp = require "mcp"

local repofile = {}

local PREFIX = "lukhas-path:"

--- The id of a file, from its path relative to the root.
function repofile.id(path)
  return PREFIX .. mcp.codec.base64url(path)
end

--- The path of such an id, nil for another. With padding or without, in either alphabet: clients
-- make ids themselves.
function repofile.path(id)
  if id:sub(1, #PREFIX) ~= PREFIX then return nil end
  local text = id:sub(#PREFIX + 1):gsub("=+$", ""):gsub("%+", "-"):gsub("/", "_")
  return mcp.codec.unbase64url(text) or ""
end

-- Every byte that cannot stand in the path of a URL as it is.
local function encode(path)
  return (path:gsub("[^A-Za-z0-9/._~-]", function(c) return ("%%%02X"):format(c:byte()) end))
end

--- The resource of a file or folder: see repo.lua.
function repofile.uri(path)
  return "repo:///" .. encode(path)
end

--- The folder that it lies in; "" is the root.
function repofile.folder(path)
  return path:match("^(.*)/[^/]*$") or ""
end

--- Where people can look at it: below [paths] view_base, else the file itself.
function repofile.url(path, absolute)
  local base = mcp.index.settings().view_base
  if base then return base:gsub("/+$", "") .. "/" .. encode(path) end
  return "file://" .. encode(absolute)
end

return repofile
