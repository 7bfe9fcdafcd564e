-- rename_file.lua - another name or folder for a file.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local repochange = require "repochange"
local repopath = require "repopath"

-- mcp.fs.rename(), which makes the folders that are not there yet, and tells clients of the change.
local function rename(from, to, overwrite)
  local ok, message, code = mcp.fs.rename(from, to, { overwrite = overwrite })
  local made
  if code == "ENOENT" and mcp.fs.stat(from) then
    made, message, code = filewrite.make_folders(to)
    if made == nil then return nil, message, code end
    ok, message, code = mcp.fs.rename(from, to, { overwrite = overwrite })
  end
  if ok then
    repochange.rename(from, to, made)
  elseif made then
    repochange.name(to, made)
  end
  return ok, message, code
end

local function run(arguments)
  local source, target = args.text(arguments.from), args.text(arguments.to)
  if not (source and target) then return nil, "from and to paths required" end
  local from, to, message
  from, message = repopath.file(source)
  if not from then return nil, message end
  to, message = repopath.file(target)
  if not to then return nil, message end
  local ok, why, code = rename(from, to, arguments.overwrite)
  if code == "EEXIST" then return nil, "Target file exists and overwrite=false: " .. target end
  if code == "ENOENT" and not mcp.fs.stat(from) then
    return nil, "Source file does not exist: " .. source
  end
  if not ok then return nil, why end
  local info = mcp.fs.stat(to)
  return { from = source, to = target, size = info and info.size or 0, moved = true }
end

return mcp.tool {
  name        = "rename_file",
  title       = "Rename a file",
  description = "Give a file of the repository another name, or move it to another folder. A file "
    .. "that is there is replaced only with overwrite=true.",
  input = {
    type = "object",
    properties = {
      from      = { type = "string" },
      to        = { type = "string" },
      overwrite = { type = "boolean", default = false },
    },
    required = { "from", "to" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = false, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { timeout = "30s" },
  run    = run,
}
