-- args.lua - reading arguments leniently, as clients of the ops kit send them.
local args = {}

--- A text that is not empty, also when it came as a number; else nil.
function args.text(value)
  if math.type(value) == "integer" then value = tostring(value) end
  if type(value) == "string" and value ~= "" then return value end
  return nil
end

--- A flag, also when it came as text.
function args.flag(value)
  return value == true or value == "true"
end

--- An integer within min and max, from a number or its text; default when it is none.
function args.integer(value, min, max, default)
  local number = tonumber(value)
  if not number or number ~= number then return default end
  return math.tointeger(math.floor(math.max(min, math.min(max, number))))
end

return args
