-- search.lua - which files of the repository are about this? Answers from an index of the root,
-- which a background job brings up to the files: at start, and when a search finds it too old.
local mcp = require "mcp"
local args = require "args"
local repofile = require "repofile"
local scan = require "searchscan"

-- Files that are gone since they were indexed are left out: some more are asked for.
local SPARE = 10

local function find(query, limit)
  local hits, message, code = scan.index:search(query, { limit = limit })
  -- A question in plain words has some that are in no file.
  if hits and #hits == 0 then
    hits, message, code = scan.index:search(query, { limit = limit, any = true })
  end
  return hits, message, code
end

-- What clients of the kit read, and what ChatGPT's connector does.
local function add(answer, hit, info)
  local id, url = repofile.id(hit.id), repofile.url(hit.id, info.absolute)
  table.insert(answer.ids, id)
  table.insert(answer.hits, { id = id, title = hit.title, snippet = hit.snippet, url = url })
  table.insert(answer.results, { id = id, title = hit.title, text = hit.snippet, url = url })
end

local function run(arguments)
  local query = args.text(arguments.query)
  if not query or not query:find("%S") then return nil, "Search query is required" end
  local limit = arguments.limit
  local is_whole = scan.refresh()

  local hits, message, code = find(query, limit + SPARE)
  if not hits then return nil, message, code end
  local array = mcp.json.array
  local answer = { ids = array {}, hits = array {}, results = array {} }
  for _, hit in ipairs(hits) do
    if #answer.ids == limit then break end
    -- Also asks whether it may be seen now.
    local info = not mcp.index.excludes(hit.id) and mcp.fs.stat(hit.id)
    if info and info.type == "file" then add(answer, hit, info) end
  end
  if not is_whole then answer.note = "the repository is still being indexed: ask again soon" end
  return answer
end

return mcp.tool {
  name        = "search",
  title       = "Search the repository",
  description = "Find files of the repository by what is in them and by their paths, the best "
    .. 'first. All words should be there; "quoted words" one behind the other; word* is any word '
    .. "that begins so. `fetch` takes the ids.",
  input = {
    type = "object",
    properties = {
      query = { type = "string", description = 'Words, "phrases", prefix*.' },
      limit = { type = "integer", minimum = 1, maximum = 50, default = 5 },
    },
    required = { "query" },
  },
  annotations = { readOnlyHint = true, openWorldHint = false },
  needs       = { "fs" },
  settings    = {
    rescan = { type = "duration", default = "10s",
               help = "How old the last look at the files may be when a search comes" },
  },
  limits      = { memory = "24M" },
  coerce      = true,
  run         = run,
  start       = function() scan.start() end,
}
