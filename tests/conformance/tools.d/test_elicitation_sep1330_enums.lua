-- test_elicitation_sep1330_enums.lua - a form of choices: one or several of a list, with and
-- without titles. enumNames is how titles were given before oneOf was.
local form = require "form"

local function titled(word)
  return {
    { const = "value1", title = "First " .. word },
    { const = "value2", title = "Second " .. word },
    { const = "value3", title = "Third " .. word },
  }
end

return form("test_elicitation_sep1330_enums", "Ask with a form of choices.", {
  untitledSingle = { type = "string", enum = { "option1", "option2", "option3" } },
  titledSingle   = { type = "string", oneOf = titled("Option") },
  legacyEnum     = {
    type = "string", enum = { "opt1", "opt2", "opt3" },
    enumNames = { "Option One", "Option Two", "Option Three" },
  },
  untitledMulti  = {
    type = "array", minItems = 1, maxItems = 3,
    items = { type = "string", enum = { "option1", "option2", "option3" } },
  },
  titledMulti    = {
    type = "array", minItems = 1, maxItems = 3, items = { anyOf = titled("Choice") },
  },
})
