-- ops_kit_test.lua - the skill names tools that are there, and arguments that they have.
local mcp = require "mcp"
local t = mcp.testing

local FILES = { "SKILL.md", "references/editing.md", "references/evaluations.md" }

local function text_of(file)
  local result = t.call("skill://ops-kit/" .. file)
  t.eq(result.ok, true, result.text)
  return result.text
end

t.case("the files are there, as Markdown", function()
  for _, file in ipairs(FILES) do
    local contents = t.call("skill://ops-kit/" .. file).contents
    t.eq(contents[1].mimeType, "text/markdown", file)
  end
  t.eq(text_of("SKILL.md"):match("^%-%-%-\nname: ops%-kit\ndescription:") ~= nil, true)
end)

t.case("it refers to files that it has", function()
  for file in text_of("SKILL.md"):gmatch("%((references/[%w.-]+)%)") do text_of(file) end
end)

-- `name` or `name{...}` in the texts is a tool.
t.case("every tool that it names is there", function()
  local named = 0
  for _, file in ipairs(FILES) do
    for name in text_of(file):gmatch("`([%w_]+){") do
      named = named + 1
      local result = t.call(name, {})
      t.eq(result.text:match("^Unknown tool") == nil, true, name)
    end
  end
  t.eq(named > 8, true)
end)
