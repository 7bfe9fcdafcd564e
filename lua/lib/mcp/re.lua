-- re.lua - what of mcp.re makes many searches: ordinary code, which may wait and is preempted.
-- Given: the module's table, to be completed, and the primitives of api_re.c. Runs for each tool
-- file.
local module, raw = ...

local sub, match, find, concat = string.sub, string.match, string.find, table.concat

local function check_type(value, expected, name)
  if type(value) ~= expected then
    error(name .. ": expected a " .. expected .. ", got " .. type(value), 3)
  end
end

local function flags_of(options, name)
  if options == nil then return nil end
  check_type(options, "table", name .. ": options")
  for option in next, options do
    if option ~= "flags" then error(name .. ": unknown option " .. tostring(option), 3) end
  end
  return options.flags
end

--- mcp.re.gmatch(s, pattern [, {flags=}]) -> iterator over what match gives for each match (w):
-- `for key, value in mcp.re.gmatch(s, [[(\w+)=(\w+)]]) do ... end`. It raises where match returns
-- nil, message, code: a loop would not see that. s has at most 1 MB. An empty match right behind
-- the match before it does not count, as in string.gmatch.
function module.gmatch(s, pattern, options)
  check_type(s, "string", "gmatch")
  check_type(pattern, "string", "gmatch: pattern")
  local flags = flags_of(options, "gmatch")
  local ok, message = raw.open(s, pattern, flags)
  if not ok then error(message, 2) end
  local at, last = 1, nil
  local function step(from, to, ...)
    if from then
      at, last = to, to
      return ...
    end
    at = nil
    if to then error(to, 3) end
    return nil
  end
  return function()
    if not at then return nil end
    return step(raw.next(s, pattern, flags, at, at ~= last))
  end
end

-- "a$1${name}$$" -> { "a", 1, "", "name", "$" }: texts, and between them what to put there.
local function parse(template, captures, names)
  local parts, text, at = {}, "", 1
  while true do
    local dollar = find(template, "$", at, true)
    if not dollar then break end
    text = text .. sub(template, at, dollar - 1)
    local rest = sub(template, dollar + 1, dollar + 130)
    local number, name = match(rest, "^%d+"), match(rest, "^{([%a_][%w_]*)}")
    local bracketed = match(rest, "^{(%d+)}")
    local digits = number or bracketed
    if sub(rest, 1, 1) == "$" then
      text, at = text .. "$", dollar + 2
    elseif digits and #digits < 4 and tonumber(digits) <= captures then
      parts[#parts + 1], parts[#parts + 2] = text, tonumber(digits)
      text, at = "", dollar + 1 + #digits + (bracketed and 2 or 0)
    elseif name and names and names[name] then
      parts[#parts + 1], parts[#parts + 2] = text, name
      text, at = "", dollar + 3 + #name
    else
      error("gsub: the replacement's $ at byte " .. dollar ..
        " names no capture ($1, ${1}, ${name}; $0 is all, $$ a dollar)", 3)
    end
  end
  parts[#parts + 1] = text .. sub(template, at)
  return parts
end

local function expand(parts, whole, names, ...)
  local out = {}
  for i = 1, #parts do
    local part = parts[i]
    if i % 2 == 0 then
      if part == 0 then
        part = whole
      elseif type(part) == "number" then
        part = select(part, ...)
      else
        part = names[part]
      end
    end
    out[i] = part or ""
  end
  return concat(out)
end

-- What one match becomes; nil or false keeps it.
local function replacer(replacement, captures, names)
  local kind = type(replacement)
  if kind == "function" then
    return function(_, ...) return replacement(...) end
  elseif kind == "table" then
    return function(_, first) return replacement[first] end
  elseif kind ~= "string" then
    error("gsub: expected a string, a table or a function to replace with, got " .. kind, 3)
  end
  if not find(replacement, "$", 1, true) then return function() return replacement end end
  local parts = parse(replacement, captures, names)
  return function(whole, ...)
    return expand(parts, whole, names and select(captures + 1, ...), ...)
  end
end

-- One search and what it gives: the next match's ends and its replacement; nil; nil, message, code.
local function step(s, replace, from, to, ...)
  if not from then return nil, to, (...) end
  local whole = sub(s, from, to - 1)
  local value = replace(whole, ...)
  if not value then return from, to, whole end
  if type(value) ~= "string" and type(value) ~= "number" then
    error("gsub: invalid replacement value (a " .. type(value) .. ")", 3)
  end
  return from, to, value
end

--- mcp.re.gsub(s, pattern, replacement [, n [, {flags=}]]) -> string, how often; or nil, message,
-- code (w). Replaces all matches, or the first n. replacement is a text, in which $1 or ${1} is a
-- capture, ${name} a named one, $0 all and $$ a dollar; or a table, in which the first capture (or
-- all) is looked up; or a function, called with what match gives, which may wait. nil and false
-- keep the text. s has at most 1 MB.
function module.gsub(s, pattern, replacement, max, options)
  check_type(s, "string", "gsub")
  check_type(pattern, "string", "gsub: pattern")
  if max ~= nil and math.type(max) ~= "integer" then
    error("gsub: n: expected an integer, got " .. type(max), 2)
  end
  local flags = flags_of(options, "gsub")
  local captures, names, code = raw.open(s, pattern, flags)
  if not captures then return nil, names, code end
  local replace = replacer(replacement, captures, names)
  local joined, parts, n, count, at, last = {}, {}, 0, 0, 1, nil
  max = max or math.maxinteger
  while count < max do
    local from, to, value = step(s, replace, raw.next(s, pattern, flags, at, at ~= last))
    if not from then
      if to then return nil, to, value end
      break
    end
    parts[n + 1], parts[n + 2] = sub(s, at, from - 1), value
    n, count = n + 2, count + 1
    at, last = to, to
    if n >= 1000 then
      joined[#joined + 1] = concat(parts, "", 1, n)
      n = 0
    end
  end
  joined[#joined + 1] = concat(parts, "", 1, n)
  joined[#joined + 1] = sub(s, at)
  return concat(joined), count
end
