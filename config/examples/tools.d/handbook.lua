-- handbook.lua - the Markdown files below handbook/ as resources, handbook:///PAGE, and a prompt
-- that explains one of them.
local mcp = require "mcp"

local function path_of(page)
  return "handbook/" .. page .. ".md"
end

-- The pages whose names begin so.
local function pages(begin)
  local paths, message, code = mcp.fs.glob("handbook/**/*.md")
  if not paths then return nil, message, code end
  local names = {}
  for _, path in ipairs(paths) do
    local name = path:match("^handbook/(.*)%.md$")
    if name:sub(1, #begin) == begin then names[#names + 1] = name end
  end
  return names
end

-- nil, message, "ENOENT": such a page is not there, and the client is told just that.
local function read(vars)
  return mcp.fs.read(path_of(vars.page))
end

local function list()
  local names, message = pages("")
  if not names then return nil, message end
  for i, name in ipairs(names) do
    names[i] = { uri = "handbook:///" .. mcp.url.encode(name), name = name }
  end
  return names
end

local function explain(args)
  local text, message, code = mcp.fs.read(path_of(args.page))
  if code == "ENOENT" then return nil, "there is no page " .. args.page, "INVALID" end
  if not text then return nil, message, code end
  local reader = args.reader or "somebody new to the team"
  return {
    { role = "user", content = "Explain this page of our handbook to " .. reader .. "." },
    { role = "user", content = mcp.embed {
      uri = "handbook:///" .. mcp.url.encode(args.page), mime = "text/markdown", text = text,
    } },
  }
end

return {
  mcp.resource_template {
    name        = "handbook",
    description = "A page of the handbook.",
    uriTemplate = "handbook:///{+page}",
    mimeType    = "text/markdown",
    needs       = { "fs" },
    complete    = { page = pages },
    list        = list,
    read        = read,
  },
  mcp.prompt {
    name        = "explain_page",
    description = "Explain a page of the handbook.",
    arguments   = {
      { name = "page", description = "Its name, without .md", required = true },
      { name = "reader", description = "For whom" },
    },
    complete    = { page = pages, reader = { "a developer", "a customer", "a child" } },
    needs       = { "fs" },
    run         = explain,
  },
}
