-- asks.lua - every way to ask, with forms of mcp.schema's builders.
local mcp = require "mcp"
local schema = mcp.schema

local colors = mcp.schema.enum { "red", "green", "blue", default = "red" }

local function run(args, ctx)
  local made = 0
  local function make() made = made + 1 return { made, "x" } end
  local first, second = ctx:once("list", make), ctx:once("list", make)
  local form, message, code = ctx:elicit("form", {
    message = "What do you want?",
    schema = schema.object {
      name = schema.string { minLength = 1, maxLength = 20, title = "Name" },
      mail = schema.optional(schema.string { format = "email" }),
      size = schema.integer { minimum = 1, maximum = 9, default = 3 },
      color = colors,
      extras = schema.array(schema.enum { "a", "b" }, { minItems = 1 }),
    },
  })
  if not form then return { code = code, message = message } end
  if form.action ~= "accept" then return { action = form.action, content = form.content } end
  local both
  both, message, code = ctx:ask {
    page = { elicit_url = { message = "Sign", url = "https://sign.example.org/" .. args.id } },
    words = { sample = {
      messages = { { role = "user", content = mcp.text("Say it") } }, maxTokens = 10,
    } },
  }
  if not both then return { code = code, message = message } end
  local roots = ctx:roots("roots")
  return {
    made = made, once = first[1] == second[1], name = form.content.name, mail = form.content.mail,
    more = form.content.more, extras = #form.content.extras, page = both.page.action,
    words = both.words.content.text, roots = #roots, nothing = ctx:once("nothing", function() end),
  }
end

return mcp.tool {
  name = "asks",
  description = "Ask in every way.",
  input = {
    type = "object", properties = { id = { type = "string", default = "1" } },
  },
  run = run,
}
