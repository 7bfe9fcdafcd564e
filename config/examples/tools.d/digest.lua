-- digest.lua - the digests of many files: a client that knows tasks gets the answer's place at once
-- and asks for it later; any other waits for it.
-- It needs in mcp.ini:
--   [tool digest]
--   fs = read
local mcp = require "mcp"
local s = mcp.schema

local MANY = 20                                   -- files from which on it is worth a task

local function run(args, ctx)
  local files, message = mcp.fs.glob(args.glob)
  if not files then return nil, message end
  -- An error here ends nothing: the call goes on as it was, within its own time.
  if #files >= MANY then ctx:as_task { ttl = "1h", poll = "2s", timeout = "10m" } end
  local found = {}
  for i, path in ipairs(files) do
    local text, why, code = mcp.fs.read(path, { max = "16M" })
    if ctx:cancelled() then return nil, code end
    found[i] = text and { path = path, sha256 = mcp.codec.sha256(text) }
      or { path = path, why = why }
    ctx:progress(i, #files, path)
  end
  return { files = mcp.json.array(found) }
end

return mcp.tool {
  name        = "digest",
  description = "SHA-256 of every file below the root that a glob matches.",
  input       = s.object { glob = s.string { minLength = 1, maxLength = 200 } },
  needs       = { "fs" },
  task        = "optional",
  run         = run,
}
