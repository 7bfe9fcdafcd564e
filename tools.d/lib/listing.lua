-- listing.lua - paths of the repository, for the tools that list them.
local mcp = require "mcp"

local listing = {}

--- Up to options.max paths relative to the root, in bytewise order (folders end with /), and
-- whether there are more; or nil, message. options: as mcp.fs.list()'s.
function listing.paths(folder, options)
  local paths, missing = mcp.fs.list(folder, {
    recursive = true, glob = options.glob, max = options.max, dirs = options.dirs,
    gitignore = options.gitignore,
  })
  if not paths then return nil, missing end
  return paths, missing ~= nil
end

return listing
