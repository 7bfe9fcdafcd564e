-- http.lua - mcp.http: what of a request is Lua's, and the answer's methods.
-- Given: the module's table, to be completed; request() of api_http.c; mcp.url, mcp.json, mcp.fs.
-- Runs for each tool file that was granted "http".
local module, request, url, json, fs = ...

local methods = {}
local meta = { __index = methods, __metatable = false }

local function whole_url(options)
  if options.query == nil then return options.url end
  if type(options.url) ~= "string" then
    error("http.request: url: expected a string, got " .. type(options.url), 3)
  end
  return url.with_query(options.url, options.query)
end

local function body_of(options)
  if options.json == nil then return options.body end
  if options.body ~= nil then error("http.request: json and body exclude each other", 3) end
  return json.encode(options.json)
end

--- mcp.http.request{url=, method=, headers=, query=, json=, body=, timeout=, max_bytes=, to_file=,
-- redirects=0} -> {status=, headers=, body=}, or nil, message, code (w).
-- Any status is an answer, and so is a redirect, unless redirects says how many to follow. method
-- is GET, or POST where there is a body. query is a table as for mcp.url.query; json is a value to
-- send. The names in headers are in lower case; fields of one name are joined with ", ", cookies
-- with line breaks. gzip and deflate are undone. The body has at most max_bytes (4M; no more than
-- 16M). timeout is the rest of the tool's time, where it is not given.
-- The host of every URL, also of a redirect, must be granted (`http = HOST` in mcp.ini), and the
-- address must be a public one (or `allow_private = yes`): else the code is DENIED. Other codes:
-- TIMEOUT, DNS, TLS, ECONNREFUSED, CLOSED, TOO_LARGE, PROTOCOL (the answer is not HTTP), REDIRECTS
-- (too many), LIMIT, INVALID (the URL). On a redirect to another origin only plain headers go on.
-- to_file, a path below the root, needs the grant to write files (`fs = write`): the file is
-- replaced once the whole body is there, whatever the status, and the answer then has no body.
function module.request(options)
  if type(options) ~= "table" then
    error("http.request: expected a table of options, got " .. type(options), 2)
  end
  local address, message, code = whole_url(options)
  if address == nil and message then return nil, message, code end
  local body
  body, message, code = body_of(options)
  if body == nil and message then return nil, message, code end
  local response
  response, message, code = request(options, address, body, options.json ~= nil)
  if not response then return nil, message, code end
  response.status = response.status or 200        -- a test's answer may lack some
  response.body = response.body or ""
  response.headers = response.headers or {}
  if options.to_file ~= nil then
    local written
    written, message, code = fs.write(options.to_file, response.body, { overwrite = true })
    if not written then return nil, message, code end
    response.body = nil
  end
  return setmetatable(response, meta)
end

local function with(address, method, options, name)
  local all = {}
  if options ~= nil and type(options) ~= "table" then
    error("http." .. name .. ": expected a table of options, got " .. type(options), 3)
  end
  for key, value in pairs(options or {}) do
    if key == "url" or key == "method" then
      error("http." .. name .. ": " .. key .. " is not an option here", 3)
    end
    all[key] = value
  end
  all.url, all.method = address, method
  return all
end

--- mcp.http.get(url [, options]) -> as request (w).
function module.get(address, options)
  return module.request(with(address, "GET", options, "get"))
end

--- mcp.http.post(url [, options]) -> as request (w).
function module.post(address, options)
  return module.request(with(address, "POST", options, "post"))
end

--- response:json() -> the body's JSON as a value, or nil, message, code.
function methods.json(response)
  if type(response) ~= "table" or type(response.body) ~= "string" then
    error("response:json: is called as response:json()", 2)
  end
  return json.decode(response.body)
end
