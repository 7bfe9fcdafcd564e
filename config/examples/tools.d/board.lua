-- board.lua - mcp.resources.updated: a board of notices as a resource. Clients that subscribed to
-- board:///today are told when a notice is put up, and read the board again.
-- It needs lines in mcp.ini: [tool put_up] state = board:rw; [tool resource:board] state = board:r
local mcp = require "mcp"

local URI = "board:///today"
local MAX_SHOWN = 50

local notices = mcp.state.open("board", { key = "id" })

local function put_up(args, ctx)
  local notice = {
    id = mcp.codec.uuid(), text = args.text, by = ctx.principal, at = mcp.time.iso(),
  }
  local ok, message, code = notices:put(notice)
  if not ok then return nil, message, code end
  mcp.resources.updated(URI)            -- leaves when the notice is durable
  return { id = notice.id }
end

-- The newest first.
local function read()
  local list, message, code = notices:list { newest = true, limit = MAX_SHOWN }
  if not list then return nil, message, code end
  local lines = {}
  for i, notice in ipairs(list) do lines[i] = notice.at .. " " .. notice.text end
  return table.concat(lines, "\n")
end

return {
  mcp.resource {
    name        = "board",
    uri         = URI,
    description = "The notices of the day, the newest first.",
    mimeType    = "text/plain",
    needs       = { "state:board" },
    read        = read,
  },
  mcp.tool {
    name        = "put_up",
    description = "Put a notice up on the board.",
    input = {
      type = "object",
      properties = { text = { type = "string", minLength = 1, maxLength = 500 } },
      required = { "text" },
    },
    needs       = { "state:board" },
    run         = put_up,
  },
}
