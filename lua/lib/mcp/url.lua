-- url.lua - building URLs and taking them apart, so that no part can become another one.
-- Pure. Returns the functions of mcp.url. Runs once for each Lua state.
local url = {}

local MAX = 65536          -- bytes of any text here

-- What stands for itself in a part; everything else is percent-encoded.
local UNRESERVED = "A-Za-z0-9%-._~"
local IN_PATH = UNRESERVED .. "!$&'()*+,;=:@/"
local IN_QUERY = IN_PATH .. "?"

local function check(value, expected, what)
  if type(value) ~= expected then
    error("url." .. what .. ": expected a " .. expected .. ", got " .. type(value), 3)
  end
end

local function invalid(what)
  return nil, what, "INVALID"
end

local function escape(byte)
  return string.format("%%%02X", byte:byte())
end

-- Escapes that are there already stay; a lone % becomes one.
local function encode_but(text, allowed)
  text = text:gsub("%%", "%%25"):gsub("%%25(%x%x)", "%%%1")
  return (text:gsub("[^%%" .. allowed .. "]", escape))
end

--- mcp.url.encode(text) -> text with every byte percent-encoded but letters, digits and - . _ ~, so
-- that it can stand in any part of a URL: one segment of a path, one value of a query.
function url.encode(text)
  check(text, "string", "encode")
  return (text:gsub("[^" .. UNRESERVED .. "]", escape))
end

--- mcp.url.decode(text) -> the bytes it stands for, or nil, message, "INVALID" where an escape is
-- broken. A + stays.
function url.decode(text)
  check(text, "string", "decode")
  if text:find("%%%f[^%%]") and text:gsub("%%%x%x", ""):find("%", 1, true) then
    return invalid("an escape is not %XX")
  end
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- ---- queries ----

local function value_text(value, name)
  local kind = type(value)
  if kind == "string" then return value end
  if kind == "boolean" then return tostring(value) end
  if kind == "number" then
    local integer = math.tointeger(value)
    if integer then return string.format("%d", integer) end
    if value == value and value ~= math.huge and value ~= -math.huge then return tostring(value) end
  end
  error("url.query: " .. name .. ": expected strings, numbers and booleans, got " .. kind, 4)
end

local function add_pair(pieces, name, value)
  pieces[#pieces + 1] = url.encode(name) .. "=" .. url.encode(value_text(value, name))
end

--- mcp.url.query(table) -> "a=1&b=x%20y". Names are sorted; a value is a string, a number, a
-- boolean, or a list of these, which gives its name several times.
function url.query(parameters)
  check(parameters, "table", "query")
  local names, pieces = {}, {}
  for name in pairs(parameters) do
    if type(name) ~= "string" then error("url.query: expected names that are strings", 2) end
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = parameters[name]
    if type(value) == "table" then
      for _, item in ipairs(value) do add_pair(pieces, name, item) end
    else
      add_pair(pieces, name, value)
    end
  end
  return table.concat(pieces, "&")
end

local function decode_form(text)
  return url.decode((text:gsub("+", " ")))
end

local function put(parameters, name, value)
  local old = parameters[name]
  if old == nil then
    parameters[name] = value
  elseif type(old) == "table" then
    old[#old + 1] = value
  else
    parameters[name] = { old, value }
  end
end

--- mcp.url.parse_query(text) -> table of names and values, decoded; a name that stands there
-- several times has a list. Or nil, message, "INVALID".
function url.parse_query(text)
  check(text, "string", "parse_query")
  if #text > MAX then return invalid("the query is too long") end
  local parameters = {}
  for piece in text:gmatch("[^&]+") do
    local at = piece:find("=", 1, true)
    local name, message, code = decode_form(at and piece:sub(1, at - 1) or piece)
    if not name then return nil, message, code end
    local value
    value, message, code = decode_form(at and piece:sub(at + 1) or "")
    if not value then return nil, message, code end
    put(parameters, name, value)
  end
  return parameters
end

-- ---- whole URLs ----

local function cut(text, mark)
  local at = text:find(mark, 1, true)
  if not at then return text end
  return text:sub(1, at - 1), text:sub(at + 1)
end

-- RFC 3986, appendix B.
local function split(text)
  local parts, rest = {}, text
  rest, parts.fragment = cut(rest, "#")
  rest, parts.query = cut(rest, "?")
  local scheme, behind = rest:match("^(%a[%w+.-]*):(.*)$")
  if scheme then parts.scheme, rest = scheme:lower(), behind end
  local authority, path = rest:match("^//([^/]*)(.*)$")
  if authority then parts.authority, rest = authority, path end
  parts.path = rest
  return parts
end

local function unite(parts)
  return (parts.scheme and parts.scheme .. ":" or "")
    .. (parts.authority and "//" .. parts.authority or "") .. parts.path
    .. (parts.query and "?" .. parts.query or "")
    .. (parts.fragment and "#" .. parts.fragment or "")
end

local function check_whole(text)
  if #text > MAX then return invalid("the URL is too long") end
  if text:find("[%c ]") then return invalid("the URL has a blank or control character in it") end
  return true
end

local function is_host(host)
  return host:find("^[%w._-]+$") or host:find("^%[[%x:.]+%]$")
end

local function read_port(text)
  local port = text:find("^%d+$") and #text <= 5 and tonumber(text)
  return port and port >= 1 and port <= 65535 and port or nil
end

local function read_authority(authority, into)
  local user, rest = authority:match("^(.*)@(.*)$")
  into.user = user
  rest = rest or authority
  local host, port = rest:match("^(%[[^%]]*%])(.*)$")
  if not host then host, port = rest:match("^([^:]*)(.*)$") end
  if not is_host(host) then return invalid("the URL's host is not a name or an address") end
  into.host = host:lower()
  if port ~= "" and port ~= ":" then
    into.port = port:sub(1, 1) == ":" and read_port(port:sub(2)) or nil
    if not into.port then return invalid("the URL's port: expected 1 to 65535") end
  end
  return true
end

--- mcp.url.parse(text) -> {scheme=, user=, host=, port=, path=, query=, fragment=}, or nil,
-- message, "INVALID". Parts that are not there are nil; path is "" then. scheme and host are in
-- lower case; the others stay as they are written: decode them one by one.
function url.parse(text)
  check(text, "string", "parse")
  local ok, message, code = check_whole(text)
  if not ok then return nil, message, code end
  local parts = split(text)
  if parts.authority then
    ok, message, code = read_authority(parts.authority, parts)
    if not ok then return nil, message, code end
    parts.authority = nil
  end
  return parts
end

local function build_path(path)
  if type(path) == "string" then return encode_but(path, IN_PATH) end
  local pieces = {}
  for i, segment in ipairs(path) do
    local text = value_text(segment, "path")
    -- Encoded or not, these mean another folder to whoever reads the URL.
    if text == "." or text == ".." then
      return invalid('a segment of the path is "' .. text .. '"')
    end
    pieces[i] = url.encode(text)
  end
  return "/" .. table.concat(pieces, "/")
end

local function build_authority(parts)
  if not is_host(parts.host) then return invalid("the host is not a name or an address") end
  if parts.port == nil then return parts.host end
  local port = math.tointeger(parts.port)
  if not port or port < 1 or port > 65535 then return invalid("the port: expected 1 to 65535") end
  return parts.host .. ":" .. string.format("%d", port)
end

local FIELDS = { scheme = "string", host = "string", port = "number", fragment = "string" }

local function check_fields(parts)
  for name, value in pairs(parts) do
    local expected = FIELDS[name]
    if name == "path" or name == "query" then
      expected = type(value) == "string" and "string" or "table"
    end
    if not expected then error("url.build: unknown part " .. tostring(name), 3) end
    if type(value) ~= expected then
      error("url.build: " .. name .. ": expected a " .. expected .. ", got " .. type(value), 3)
    end
  end
  if not parts.host then error("url.build: host: expected a string, got nil", 3) end
end

--- mcp.url.build{scheme="https", host=, port=, path=, query=, fragment=} -> text, or nil, message,
-- "INVALID" where a part cannot be what it should.
-- path is a list of segments, each encoded as a whole ("/" in one becomes %2F, ".." is refused), or
-- a text, of which only what cannot stand in a path is encoded. query is a table as for
-- mcp.url.query, or a text.
function url.build(parts)
  check(parts, "table", "build")
  check_fields(parts)
  local scheme = parts.scheme or "https"
  if not scheme:find("^%a[%w+.-]*$") then return invalid("the scheme is not a word") end
  local authority, message, code = build_authority(parts)
  if not authority then return nil, message, code end
  local path
  path, message, code = build_path(parts.path or "")
  if not path then return nil, message, code end
  if path ~= "" and path:sub(1, 1) ~= "/" then path = "/" .. path end
  local query = parts.query
  if type(query) == "table" then query = url.query(query) end
  return unite {
    scheme = scheme:lower(), authority = authority, path = path,
    query = query and query ~= "" and encode_but(query, IN_QUERY) or nil,
    fragment = parts.fragment and encode_but(parts.fragment, IN_QUERY),
  }
end

--- mcp.url.with_query(text, table) -> the URL with these parameters behind those that it has, or
-- nil, message, "INVALID".
function url.with_query(text, parameters)
  check(text, "string", "with_query")
  check(parameters, "table", "with_query")
  text = text:gsub(" ", "%%20")
  local ok, message, code = check_whole(text)
  if not ok then return nil, message, code end
  local parts, more = split(text), url.query(parameters)
  if more ~= "" then
    parts.query = (parts.query or "") ~= "" and parts.query .. "&" .. more or more
  end
  return unite(parts)
end

-- RFC 3986, 5.2.4. %2e is a dot there, too.
local function remove_dots(path)
  local kept, is_open = {}, false
  for segment in path:gmatch("[^/]*") do
    local plain = segment:gsub("%%2[eE]", ".")
    is_open = plain == "." or plain == ".."
    if plain == ".." then
      if #kept > 1 then kept[#kept] = nil end
    elseif plain ~= "." then
      kept[#kept + 1] = segment
    end
  end
  if is_open then kept[#kept + 1] = "" end
  return table.concat(kept, "/")
end

local function merge(base, path)
  if base.authority and base.path == "" then return "/" .. path end
  return (base.path:match("^(.*/)") or "") .. path
end

local function resolve(base, to)
  if to.authority then
    to.path = remove_dots(to.path)
  elseif to.path == "" then
    to.path, to.query = base.path, to.query or base.query
  elseif to.path:sub(1, 1) == "/" then
    to.path = remove_dots(to.path)
  else
    to.path = remove_dots(merge(base, to.path))
  end
  to.authority = to.authority or base.authority
  to.scheme = base.scheme
  return to
end

--- mcp.url.join(base, reference) -> the URL that a link with this reference on the page base leads
-- to, or nil, message, "INVALID". It may lead to another host: mcp.url.parse tells.
function url.join(base, reference)
  check(base, "string", "join")
  check(reference, "string", "join")
  for _, text in ipairs { base, reference } do
    local ok, message, code = check_whole(text)
    if not ok then return nil, message, code end
  end
  local from, to = split(base), split(reference)
  if not from.scheme then return invalid("the base is not a whole URL") end
  if to.scheme then
    to.path = remove_dots(to.path)
    return unite(to)
  end
  return unite(resolve(from, to))
end

return url
