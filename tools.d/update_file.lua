-- update_file.lua - new contents for a file that is as the caller last saw it.
local mcp = require "mcp"
local args = require "args"
local encoding = require "encoding"
local filewrite = require "filewrite"
local repopath = require "repopath"

local function run(arguments)
  local text, contents = args.text(arguments.path), arguments.contents
  local expected = args.text(arguments.expectSha256)
  if not (text and contents and expected) then
    return nil, "path, contents, and expectSha256 required"
  end
  local path, message = repopath.file(text)
  if not path then return nil, message end
  local bytes
  bytes, message = encoding.bytes(contents, arguments.encoding)
  if not bytes then return nil, message end
  if not filewrite.is_digest(expected) then return nil, filewrite.mismatch(path, text, expected) end
  local info, why, code = filewrite.put(path, bytes, { create = false, sha256 = expected:lower() })
  if code == "ENOENT" then return nil, "File does not exist: " .. text end
  if code == "CONFLICT" then return nil, filewrite.mismatch(path, text, expected) end
  if not info then return nil, why end
  return {
    path = text, sha256 = info.sha256, size = info.size, modified = mcp.time.iso(info.modified),
  }
end

return mcp.tool {
  name        = "update_file",
  title       = "Update a file",
  description = "Replace the contents of a file of the repository whose sha256 is still the one "
    .. "that is expected.",
  input = {
    type = "object",
    properties = {
      path         = { type = "string" },
      contents     = { type = "string" },
      expectSha256 = { type = "string" },
      encoding     = { type = "string", default = "utf8" },
    },
    required = { "path", "contents", "expectSha256" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = true, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "96M", timeout = "30s" },
  run    = run,
}
