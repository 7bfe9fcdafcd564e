-- notes.lua - notes that can be found again: kept in a collection, searched by an index of it.
-- The index is only a cache, so `start` puts in what it lacks.
local mcp = require "mcp"

local notes = mcp.state.open("notes.all")
local index = mcp.index.open("notes")

local function put(note)
  return index:put(note.id, { title = note.title, text = note.text }, note.stamp)
end

local function add(args)
  local note = { id = args.id, title = args.title, text = args.text, stamp = mcp.codec.uuid() }
  local ok, message, code = notes:put(note)
  if ok then ok, message, code = put(note) end
  if not ok then return nil, message, code end
  return { id = note.id }
end

local function run(args)
  if args.text then return add(args) end
  local hits, message, code = index:search(args.find, { limit = 5 })
  if not hits then return nil, message, code end
  return { notes = hits }
end

return mcp.tool {
  name        = "notes",
  description = "Keep a note (id, title, text), or find notes by words, \"phrases\" and prefix*.",
  input = {
    type = "object",
    properties = {
      id    = { type = "string", minLength = 1, maxLength = 100 },
      title = { type = "string", maxLength = 200, default = "" },
      text  = { type = "string", maxLength = 100000 },
      find  = { type = "string", maxLength = 1000 },
    },
    oneOf = { { required = { "id", "text" } }, { required = { "find" } } },
    additionalProperties = false,
  },
  run   = run,
  start = function()
    for note in notes:each() do
      if index:stamp(note.id) ~= note.stamp then put(note) end
    end
  end,
}
