-- delete_file.lua - removes a file that is as the caller last saw it.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local repochange = require "repochange"
local repopath = require "repopath"

local function run(arguments)
  local text, expected = args.text(arguments.path), args.text(arguments.expectSha256)
  if not (text and expected) then return nil, "path and expectSha256 required" end
  local path, message = repopath.file(text)
  if not path then return nil, message end
  if not filewrite.is_digest(expected) then return nil, filewrite.mismatch(path, text, expected) end
  local ok, why, code = mcp.fs.remove(path, { sha256 = expected:lower() })
  if code == "ENOENT" then return nil, "File does not exist: " .. text end
  if code == "CONFLICT" then return nil, filewrite.mismatch(path, text, expected) end
  if not ok then return nil, why end
  repochange.name(path)
  return { path = text, deleted = true, previousSha256 = expected:lower() }
end

return mcp.tool {
  name        = "delete_file",
  title       = "Delete a file",
  description = "Delete a file of the repository whose sha256 is still the one that is expected.",
  input = {
    type = "object",
    properties = {
      path         = { type = "string" },
      expectSha256 = { type = "string" },
    },
    required = { "path", "expectSha256" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = false, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "96M", timeout = "30s" },
  run    = run,
}
