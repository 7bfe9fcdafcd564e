-- apply_patch.lua - changes a file by a unified diff.
local mcp = require "mcp"
local args = require "args"
local filewrite = require "filewrite"
local patch = require "patch"
local repopath = require "repopath"

-- The file as it is now (nil: there is none), and its digest; or false, message.
local function read(path, text, may_create)
  local old, message, code = mcp.fs.read(path, { max = "16M" })
  if old then return old, mcp.codec.sha256(old) end
  if code ~= "ENOENT" then return false, message end
  if not may_create then return false, ("Missing file: %s (allowCreate=false)"):format(text) end
  return nil
end

local function write(path, new, digest)
  local info, message, code = filewrite.put(path, new, { sha256 = digest or "" })
  if info then return info end
  if code ~= "CONFLICT" then return nil, message end
  local now = mcp.fs.read(path, { max = "16M" })
  return nil, "Precondition failed: sha256=" .. (now and mcp.codec.sha256(now) or "")
end

local function run(arguments)
  local text, diff = args.text(arguments.path), arguments.patch
  if not (text and diff and arguments.expectSha256) then
    return nil, "path, patch, and expectSha256 required"
  end
  local path, message = repopath.file(text)
  if not path then return nil, message end
  local old, digest = read(path, text, arguments.allowCreate)
  if old == false then return nil, digest end
  if old and digest ~= arguments.expectSha256:lower() then
    return nil, "Precondition failed: sha256=" .. digest
  end
  local new, why = patch.apply(old, diff)
  if not new then return nil, "Invalid patch: " .. why end
  local info
  info, why = write(path, new, digest)
  if not info then return nil, why end
  return {
    path = text, bytesWritten = info.size, previousSha256 = digest or mcp.json.null,
    sha256 = info.sha256, created = old == nil,
  }
end

return mcp.tool {
  name        = "apply_patch",
  title       = "Apply a patch",
  description = "Change a file of the repository by a unified diff, if its sha256 is still the one "
    .. "that is expected. All hunks apply, or nothing is changed.",
  input = {
    type = "object",
    properties = {
      path         = { type = "string" },
      patch        = { type = "string" },
      expectSha256 = { type = "string" },
      allowCreate  = { type = "boolean", default = false },
    },
    required = { "path", "patch", "expectSha256" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = true, idempotentHint = true, openWorldHint = false,
  },
  needs  = { "fs" },
  coerce = true,
  limits = { memory = "128M", timeout = "30s" },
  run    = run,
}
