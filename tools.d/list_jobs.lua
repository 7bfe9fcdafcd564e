-- list_jobs.lua - the jobs, newest first, a page at a time.
local mcp = require "mcp"
local args = require "args"
local evaljob = require "evaljob"

local DEFAULT, MAX = 50, 200
local SCANNED = 5000            -- rows looked at in one call, however few match

local STATES = { "QUEUED", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "INTERRUPTED", "DRY_RUN" }

-- Adds what matches to found. Returns the id behind which to go on, or nil at the end; or false,
-- message. One row at a time: the result in it is not read, but may be large to pass over.
local function scan(found, status, limit, after)
  for _ = 1, SCANNED do
    local page, next_id, code = evaljob.rows:list {
      newest = true, limit = 1, after = after, only = evaljob.shown,
    }
    if not page then
      return false, code == "NOTFOUND" and "Unknown jobId: " .. after or next_id
    end
    local row = page[1]
    if row and (not status or row.status == status) then found[#found + 1] = evaljob.view(row) end
    if not next_id then return nil end
    after = next_id
    if #found == limit then break end
  end
  return after
end

local function run(arguments)
  local found = mcp.json.array {}
  local after = args.text(arguments.after)
  local next_id, message = scan(found, arguments.status, arguments.limit, after)
  if next_id == false then return nil, message end
  return { jobs = found, next = next_id }
end

return mcp.tool {
  name        = "list_jobs",
  title       = "List jobs",
  description = "List jobs, newest first, all or those in one state. `next` of a result is the "
    .. "`after` of the following page.",
  input = {
    type = "object",
    properties = {
      status = { type = "string", enum = STATES },
      limit  = { type = "integer", minimum = 1, maximum = MAX, default = DEFAULT },
      after  = { type = "string", description = "The jobId behind which the page begins." },
    },
  },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "state:jobs" },
  coerce      = true,
  run         = run,
}
