-- table.lua - the table functions for tables with metamethods, and sort with a comparator or of
-- many elements: all of it is ordinary code, so what it calls may wait and is preempted. Plain
-- tables are served in C (lua/vm/tablib.c), which hands in two of its functions.
local concat_plain, unpack_plain = ...

local M = {}

local function check_list(t, name)
  if type(t) ~= "table" then
    error("bad argument #1 to '" .. name .. "' (table expected, got " .. type(t) .. ")", 3)
  end
end

local function check_integer(v, index, name, default)
  if v == nil then v = default end
  local i = math.tointeger(v)
  if not i then
    local got = " (number expected, got " .. type(v) .. ")"
    error("bad argument #" .. index .. " to '" .. name .. "'" .. got, 3)
  end
  return i
end

function M.insert(t, ...)
  check_list(t, "insert")
  local last = #t + 1
  local n = select("#", ...)
  if n == 1 then
    t[last] = (...)
    return
  end
  if n ~= 2 then error("wrong number of arguments to 'insert'", 2) end
  local pos, value = ...
  pos = check_integer(pos, 2, "insert")
  if pos < 1 or pos > last then error("bad argument #2 to 'insert' (position out of bounds)", 2) end
  for i = last, pos + 1, -1 do t[i] = t[i - 1] end
  t[pos] = value
end

function M.remove(t, ...)
  check_list(t, "remove")
  local size = #t
  local pos = check_integer((...), 2, "remove", size)
  if select("#", ...) > 0 and (pos < 1 or pos > size + 1) and not (size == 0 and pos == 0) then
    error("bad argument #2 to 'remove' (position out of bounds)", 2)
  end
  local value = t[pos]
  while pos < size do
    t[pos] = t[pos + 1]
    pos = pos + 1
  end
  t[pos] = nil
  return value
end

function M.move(a, f, e, t, b)
  check_list(a, "move")
  b = b == nil and a or b
  check_list(b, "move")
  f, e, t = check_integer(f, 2, "move"), check_integer(e, 3, "move"), check_integer(t, 4, "move")
  if e >= f then
    if not (f > 0 or e < math.maxinteger + f) then
      error("bad argument #3 to 'move' (too many elements to move)", 2)
    end
    if t > math.maxinteger - (e - f) then
      error("bad argument #4 to 'move' (destination wrap around)", 2)
    end
    if t > e or t <= f or a ~= b then
      for i = 0, e - f do b[t + i] = a[f + i] end
    else
      for i = e - f, 0, -1 do b[t + i] = a[f + i] end
    end
  end
  return b
end

function M.unpack(t, i, j)
  i = check_integer(i, 2, "unpack", 1)
  j = check_integer(j, 3, "unpack", #t)
  local values = {}
  if j - i >= 100000 then error("too many results to unpack: at most 100000 at once", 2) end
  for k = i, j do values[k - i + 1] = t[k] end
  return unpack_plain(values, 1, j - i + 1)
end

function M.concat(t, sep, i, j)
  i = check_integer(i, 3, "concat", 1)
  j = check_integer(j, 4, "concat", #t)
  local parts = {}
  for k = i, j do
    local v = t[k]
    if type(v) ~= "string" and type(v) ~= "number" then
      error("invalid value (at index " .. k .. ") in table for 'concat'", 2)
    end
    parts[k - i + 1] = v
  end
  return concat_plain(parts, sep, 1, j - i + 1)
end

-- Merge sort: the number of comparisons is bounded whatever the comparator answers, and equal
-- elements keep their order.

local RUN = 8

local function less_than(a, b) return a < b end

-- Sorts t[first..last] by insertion.
local function insert_run(t, first, last, less)
  for i = first + 1, last do
    local v, j = t[i], i - 1
    while j >= first and less(v, t[j]) do
      t[j + 1] = t[j]
      j = j - 1
    end
    t[j + 1] = v
  end
end

-- from[low..middle-1] and from[middle..high-1] are sorted; to[low..high-1] becomes both of them.
local function merge(from, to, low, middle, high, less)
  local i, j = low, middle
  for k = low, high - 1 do
    if i < middle and (j >= high or not less(from[j], from[i])) then
      to[k] = from[i]
      i = i + 1
    else
      to[k] = from[j]
      j = j + 1
    end
  end
end

function M.sort(t, less)
  less = less or less_than
  local n = #t
  local from, to = {}, {}
  for i = 1, n do from[i] = t[i] end
  for first = 1, n, RUN do
    local last = first + RUN - 1
    insert_run(from, first, last < n and last or n, less)
  end
  local width = RUN
  while width < n do
    for low = 1, n, width * 2 do
      local middle, high = low + width, low + width * 2
      if middle > n then middle = n + 1 end
      if high > n then high = n + 1 end
      merge(from, to, low, middle, high, less)
    end
    from, to = to, from
    width = width * 2
  end
  for i = 1, n do t[i] = from[i] end
end

return M
