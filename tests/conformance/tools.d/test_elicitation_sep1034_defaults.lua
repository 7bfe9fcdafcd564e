-- test_elicitation_sep1034_defaults.lua - a form that is filled in already: a default of each type.
local form = require "form"

return form("test_elicitation_sep1034_defaults", "Ask with a form that has defaults.", {
  name     = { type = "string", default = "John Doe" },
  age      = { type = "integer", default = 30 },
  score    = { type = "number", default = 95.5 },
  status   = { type = "string", enum = { "active", "inactive", "pending" }, default = "active" },
  verified = { type = "boolean", default = true },
})
