-- args.lua - reading arguments that clients of the ops kit may leave empty.
local args = {}

--- A text that is not empty; else nil.
function args.text(value)
  if value == "" then return nil end
  return value
end

return args
