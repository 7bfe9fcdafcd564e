-- repopath.lua - which file of the repository a client means. The file functions judge for
-- themselves what may be touched; this says the rest as clients of the ops kit know it.
local mcp = require "mcp"

local repopath = {}

--- The repository's folder.
function repopath.root()
  return mcp.fs.stat(".").absolute
end

-- What of an absolute path lies below the root; nil outside.
local function below(root, path)
  if path == root then return "" end
  local prefix = root == "/" and root or root .. "/"
  if path:sub(1, #prefix) == prefix then return path:sub(#prefix + 1) end
end

--- The path relative to the root, without "." and ".."; "" is the root itself. nil, message for one
-- that leads out of it.
function repopath.of(text)
  local path = text
  if text:sub(1, 1) == "/" then
    local root = repopath.root()
    path = below(root, text)
    if not path then return nil, "Absolute path must be within the repository: " .. root end
  end
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      if #parts == 0 then return nil, "Path traversal not allowed: " .. text end
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return table.concat(parts, "/")
end

--- Likewise, of a file: not the root.
function repopath.file(text)
  local path, message = repopath.of(text)
  if path == "" then return nil, "Not the name of a file: " .. text end
  return path, message
end

--- The absolute path of one that is relative to the root.
function repopath.absolute(path)
  local root = repopath.root()
  return (root == "/" and root or root .. "/") .. path
end

return repopath
