-- gsub.lua - string.gsub with a function, or with a table that has __index: ordinary code, so it
-- may wait. Everything else is done in C (lua/vm/findlib.c), which hands in its search.
local next_match = ...

local sub, byte = string.sub, string.byte
local concat = table.concat

-- What the replacement makes of one match; nil or false keeps the text.
local function replace(replacement, whole, first, ...)
  local value
  if type(replacement) == "function" then
    value = replacement(first, ...)
  else
    value = replacement[first]
  end
  if not value then return whole end
  if type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 4)
  end
  return value
end

-- Returns the match's end beside what replace() gives.
local function step(s, replacement, from, to, ...)
  if not from then return nil end
  return from, to, replace(replacement, sub(s, from, to - 1), ...)
end

-- Parts are joined now and then: a table slot for each of a million matches would cost more than
-- the text.
local FLUSH = 1000

return function(s, pattern, replacement, max)
  local joined, parts, n, count, at, last = {}, {}, 0, 0, 1, nil
  local is_anchored = byte(pattern, 1) == 94 -- "^"
  while count < max do
    local from, to, value = step(s, replacement, next_match(s, pattern, at, last))
    if not from then break end
    parts[n + 1], parts[n + 2] = sub(s, at, from - 1), value
    n, count = n + 2, count + 1
    at, last = to, to
    if is_anchored then break end
    if n >= FLUSH then
      joined[#joined + 1] = concat(parts, "", 1, n)
      n = 0
    end
  end
  joined[#joined + 1] = concat(parts, "", 1, n)
  joined[#joined + 1] = sub(s, at)
  return concat(joined), count
end
