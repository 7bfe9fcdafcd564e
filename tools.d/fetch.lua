-- fetch.lua - one document by its id: a file of the repository, a page, a file on GitHub, or the
-- id itself.
local mcp = require "mcp"
local args = require "args"
local html = require "html"
local mime = require "mime"
local repofile = require "repofile"
local repopath = require "repopath"

local MAX_FILE = 16 << 20 -- what mcp.fs.read() takes at most
local MAX_PAGE, PAGE_TIMEOUT, REDIRECTS = "2M", "8s", 5

-- A text as JSON can carry it; true when bytes had to be replaced.
local function readable(bytes)
  local text = mcp.codec.utf8(bytes)
  return text, text ~= bytes
end

-- ---- files of the repository ----

local function fetch_file(id, named, max)
  local path, message = repopath.of(named)
  local bytes, code
  if path then bytes, message, code = mcp.fs.read(path, { max = math.min(max, MAX_FILE) }) end
  if not bytes then
    path = named
    if code == "ENOENT" then message = "File not found: " .. path end
    return nil, ("Failed to fetch file %s: %s"):format(path, message), code
  end
  local info = mcp.fs.stat(path)
  local text, is_repaired = readable(bytes)
  local kind = mime.of(path)
  return {
    id = id, title = path:match("[^/]*$"), url = info and repofile.url(path, info.absolute),
    mimeType = kind, text = text,
    metadata = {
      source = "lukhas-repo", path = path, sha256 = mcp.codec.sha256(bytes), size = #bytes,
      modified = info and mcp.time.iso(info.modified), mimeType = kind,
      repaired = is_repaired or nil,
    },
  }
end

-- ---- pages ----

local function get(url)
  if not rawget(mcp, "http") then
    return nil, ("Failed to fetch %s: no host is granted; in mcp.ini: [tool fetch] http = HOST")
      :format(url), "DENIED"
  end
  local answer, message, code = mcp.http.get(url, {
    timeout = PAGE_TIMEOUT, max_bytes = MAX_PAGE, redirects = REDIRECTS,
  })
  if not answer then return nil, ("Failed to fetch %s: %s"):format(url, message), code end
  if answer.status < 200 or answer.status > 299 then
    return nil, ("Failed to fetch %s: HTTP status %d"):format(url, answer.status)
  end
  return answer
end

local function modified(headers)
  return headers["last-modified"]
end

local function fetch_page(id)
  local answer, message = get(id)
  if not answer then return nil, message end
  local kind = (answer.headers["content-type"] or ""):match("^%s*([^;%s]+)") or "text/plain"
  local text, is_repaired = readable(answer.body)
  local title
  if kind == "text/html" or kind == "application/xhtml+xml" then
    title, text = html.title(text), html.text(text)
  end
  return {
    id = id, title = title or id, url = id, mimeType = kind, text = text,
    metadata = {
      source = "url", sha256 = mcp.codec.sha256(answer.body), size = #answer.body,
      modified = modified(answer.headers), mimeType = kind, repaired = is_repaired or nil,
    },
  }
end

-- ---- files on GitHub: gh:owner/repo@sha:path ----

local function encoded(path)
  return (path:gsub("[^/]+", mcp.url.encode))
end

-- Is a part of it "." or ".."? The address would be another repository's.
local function has_dots(path)
  return ("/" .. path .. "/"):find("/%.%.?/") ~= nil
end

local function fetch_github(id)
  local owner, repo, sha, path = id:match("^gh:([%w_.-]+)/([%w_.-]+)@([^:%s]+):(.+)$")
  if not owner or has_dots(owner .. "/" .. repo .. "/" .. sha .. "/" .. path) then
    return nil, "Failed to fetch " .. id .. ": expected gh:owner/repo@sha:path"
  end
  local where = ("%s/%s/"):format(owner, repo)
  local behind = mcp.url.encode(sha) .. "/" .. encoded(path)
  local raw = "https://raw.githubusercontent.com/" .. where .. behind
  local answer, message = get(raw)
  if not answer then return nil, message end
  local text, is_repaired = readable(answer.body)
  local kind = mime.of(path)
  return {
    id = id, title = path:match("[^/]*$"),
    url = "https://github.com/" .. where .. "blob/" .. behind, mimeType = kind, text = text,
    metadata = {
      source = "github", owner = owner, repo = repo, sha = sha, path = path, raw = raw,
      sha256 = mcp.codec.sha256(answer.body), size = #answer.body,
      modified = modified(answer.headers), mimeType = kind, repaired = is_repaired or nil,
    },
  }
end

-- ---- what is far away is kept for a while ----

-- The ops kit's environment goes before mcp.ini.
local function limits()
  local env = rawget(mcp, "env") or function() end
  local count = env("FETCH_CACHE_MAX")
  local ms = env("FETCH_TTL_MS")
  count, ms = tonumber(count or ""), tonumber(ms or "")
  return math.tointeger(count) or mcp.config.cache_max, ms and ms / 1000 or mcp.config.ttl
end

-- One place for each of so many documents: who comes takes the place of the oldest.
local function remember(id, document)
  local places, ttl = limits()
  if places < 1 or ttl <= 0 then return end
  local place = "place:" .. mcp.cache.incr("next") % places
  local before = mcp.cache.get(place)
  if before then mcp.cache.delete("id:" .. before) end
  if mcp.cache.set("id:" .. id, document, { ttl = ttl }) then
    mcp.cache.set(place, id, { ttl = ttl })
  end
end

local function fetch_far(id, fetch)
  local _, ttl = limits()
  -- What was kept goes with the grant, and with the time that it is kept for.
  local may = ttl > 0 and rawget(mcp, "http")
  local document = may and mcp.cache.get("id:" .. id)
  if document then return document end
  local message
  document, message = fetch(id)
  if not document then return nil, message end
  remember(id, document)
  return document
end

-- ---- the tool ----

local function find(id, max)
  local path = repofile.path(id)
  if path then return fetch_file(id, path, max) end
  if id:find("^https?://") then return fetch_far(id, fetch_page) end
  if id:find("^gh:") then return fetch_far(id, fetch_github) end
  return {
    id = id, title = id, mimeType = "text/plain", text = id,
    metadata = { source = "literal", sha256 = mcp.codec.sha256(id), size = #id },
  }
end

local function run(arguments, ctx)
  local id = args.text(arguments.id)
  if not id then return nil, "ID is required" end
  local document, message = find(id, ctx.max_result)
  if not document then return nil, message end
  local fields = arguments.fields
  if not fields then return document end
  local reduced = { id = document.id }
  for _, field in ipairs(fields) do reduced[field] = document[field] end
  return reduced
end

return mcp.tool {
  name        = "fetch",
  title       = "Fetch a document",
  description = "Get the whole text of a document by the id that search gave, of a page by its "
    .. "http(s) address, or of a file on GitHub as gh:owner/repo@sha:path.",
  input = {
    type = "object",
    properties = {
      id     = { type = "string" },
      fields = {
        type = "array",
        items = { type = "string", enum = { "title", "url", "mimeType", "text", "metadata" } },
      },
    },
    required = { "id" },
  },
  annotations = { readOnlyHint = true, openWorldHint = true },
  needs       = { "fs", "http?", "env?" },
  settings    = {
    ttl       = { type = "duration", default = "10m",
                  help = "How long pages are kept; 0 = not at all" },
    cache_max = { type = "integer", default = 256, help = "How many of them" },
  },
  coerce      = true,
  run         = run,
}
