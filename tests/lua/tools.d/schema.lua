-- schema.lua - builders, and the schema of this very tool is made of them.
local mcp = require "mcp"
local t = require "t"

local s = mcp.schema
local person = s.object({
  name = s.string { minLength = 1, maxLength = 80 },
  age = s.optional(s.integer { minimum = 0 }),
  mail = s.nullable(s.string()),
  role = s.enum { "admin", "user", default = "user" },
  tags = s.optional(s.array(s.string(), { maxItems = 2 })),
  extra = s.optional(s.map(s.number())),
}, { description = "A person." })

local function run()
  t.eq(table.concat(person.required, ","), "mail,name")
  t.eq(s.check(person, { name = "Ada", mail = mcp.json.null }), true)
  t.eq(s.check(person, { name = "Ada", mail = "a@b", age = 3, tags = { "x" },
    extra = { z = 1.5 } }), true)
  local _, message, code = s.check(person, { name = "Ada", mail = "", age = -1 })
  t.eq(code, "INVALID")
  assert(message:find("at /age", 1, true), message)
  t.fails("INVALID", s.check(person, { name = "Ada", mail = "", role = "root" }))
  t.fails("INVALID", s.check(person, { name = "Ada", mail = "", tags = { "a", "b", "c" } }))
  t.fails("INVALID", s.check(person, { name = "Ada", mail = "", more = 1 }))
  t.fails("INVALID", s.check('{"type":"integer"}', "x"))
  t.raises("unknown keyword", s.string, { maxlength = 1 })
  t.raises("expected a schema", s.array, 5)
  t.raises("optional", s.array, s.optional(s.string()))
  t.raises("schema", s.check, { type = "nonsense" }, 1)
  return "ok"
end

return mcp.tool { name = "schema", input = s.object { who = s.optional(s.any()) }, run = run }
