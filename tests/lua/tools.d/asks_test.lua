-- asks_test.lua - t.answers: rounds until nothing is asked any more, each from the beginning.
local mcp = require "mcp"
local t = mcp.testing

local function accept(content) return { action = "accept", content = content } end
local RIGHT = { name = "Ada", extras = { "a", "b" }, color = "green", more = "not asked for" }
local WORDS = { role = "assistant", model = "m", content = { type = "text", text = "it" } }
local ALL = {
  form = accept(RIGHT), page = { action = "decline" }, words = WORDS,
  roots = { roots = { { uri = "file:///a" }, { uri = "file:///b", name = "B" } } },
}

t.case("four questions in three rounds", function()
  t.answers(ALL)
  local result = t.call("asks", { id = "7" })
  t.eq(result.ok, true, result.text)
  t.eq(result.outcome, "OK")
  t.eq(result.value, {
    made = 0, once = true, name = "Ada", extras = 2, page = "decline", words = "it", roots = 2,
  })
  local keys = {}
  for i, question in ipairs(result.asked) do keys[i] = question.key .. " " .. question.method end
  t.eq(keys, {
    "form elicitation/create", "page elicitation/create", "words sampling/createMessage",
    "roots roots/list",
  })
  t.eq(result.asked[2].params.url, "https://sign.example.org/7")
  local form = result.asked[1].params.requestedSchema
  t.eq(form.additionalProperties, nil)
  t.eq(form.properties.color, { type = "string", enum = { "red", "green", "blue" },
    default = "red" })
  t.eq(form.properties.extras, { type = "array", minItems = 1,
    items = { type = "string", enum = { "a", "b" } } })
  t.eq(form.required, { "extras", "name" })
end)

t.case("what was said before no round is asked for", function()
  t.answers { form = { action = "cancel", content = RIGHT } }
  local result = t.call("asks")
  t.eq(result.value, { action = "cancel" })
  t.eq(#result.asked, 1)
end)

t.case("no answer", function()
  for _, wrong in ipairs {
    accept { name = "Ada" }, accept { name = "", extras = { "a" } },
    accept { name = "Ada", extras = { "c" } }, accept { name = "Ada", extras = mcp.json.array {} },
    accept { name = "Ada", extras = { "a" }, size = 1.5 },
    accept { name = "Ada", extras = { "a" }, color = "white" }, { action = "maybe" }, accept(nil),
  } do
    t.answers { form = wrong }
    t.raises(function() t.call("asks") end, "is none to what is asked: form")
  end
end)

t.case("one of two is missing", function()
  t.answers { form = accept(RIGHT), words = WORDS }
  t.raises(function() t.call("asks") end,
    "asked, and no answer is given: page (elicitation/create: Sign)")
end)

t.case("nobody can be asked", function()
  t.answers(false)
  local result = t.call("asks")
  t.eq(result.value.code, "UNSUPPORTED")
  t.eq(result.asked, {})
  t.answers(ALL)
  t.eq(t.call("asks").ok, true)
end)

t.case("wrong use", function()
  t.raises(function() t.answers("x") end, "expected a table of answers, or false")
  t.raises(function() t.answers { form = "x" } end, "expected tables by their keys")
end)
