-- edit_file.lua - replace one passage of a text file below the root.
-- Two callers that edit the same file at once do not undo each other: the digest of what was read
-- goes along with the write, and who comes second is told, with the digest as it is now.
-- In mcp.ini: [tool edit_file] fs = write
local mcp = require "mcp"

local function count(text, passage)
  local n, at = 0, 1
  while true do
    local from, to = text:find(passage, at, true)
    if not from then return n end
    n, at = n + 1, to + 1
  end
end

local function run(args)
  local text, message = mcp.fs.read(args.path, { max = "1M" })
  if not text then return nil, message end
  local found = count(text, args.old)
  if found ~= 1 then
    return nil, ("%s holds this passage %d times, expected once"):format(args.path, found)
  end
  local from, to = text:find(args.old, 1, true)
  local edited = text:sub(1, from - 1) .. args.new .. text:sub(to + 1)
  local written
  written, message = mcp.fs.write(args.path, edited, { sha256 = mcp.codec.sha256(text) })
  if not written then return nil, message end
  return { path = args.path, size = written.size, sha256 = written.sha256 }
end

return mcp.tool {
  name = "edit_file",
  description = "Replace a passage that stands exactly once in a text file.",
  input = {
    type = "object",
    properties = {
      path = { type = "string", description = "relative to the root" },
      old = { type = "string", minLength = 1 },
      new = { type = "string" },
    },
    required = { "path", "old", "new" },
    additionalProperties = false,
  },
  needs = { "fs" },
  run = run,
}
