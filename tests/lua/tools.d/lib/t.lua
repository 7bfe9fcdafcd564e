-- t.lua - what the tests say: equal, raises, fails.
local t = {}

local function show(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

--- got must be want.
function t.eq(got, want, what)
  if got ~= want then
    error((what and what .. ": " or "") .. "got " .. show(got) .. ", wanted " .. show(want), 2)
  end
end

--- fn(...) must raise an error whose text contains `text`.
function t.raises(text, fn, ...)
  local ok, message = pcall(fn, ...)
  if ok then error("raised nothing, wanted " .. show(text), 2) end
  if not tostring(message):find(text, 1, true) then
    error("raised " .. show(message) .. ", wanted " .. show(text), 2)
  end
end

--- The results of a function must be nil, message, code.
function t.fails(code, ...)
  local value, message, got = ...
  if value ~= nil or type(message) ~= "string" or got ~= code then
    error("got " .. show(value) .. ", " .. show(message) .. ", " .. show(got) .. ", wanted code "
      .. code, 2)
  end
end

return t
