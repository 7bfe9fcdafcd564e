-- search_test.lua - what is found and what is not, in which shape, and when files change.
local mcp = require "mcp"
local t = mcp.testing

local function id_of(path) return "lukhas-path:" .. mcp.codec.base64url(path) end

-- The first search of a case has the files looked at; what it says of that is over then.
local function search(arguments)
  local result
  for _ = 1, 200 do
    result = t.call("search", arguments)
    if not result.ok or not result.value.note then return result end
    t.clock:advance(0.1)
  end
  return result
end

local function titles(query, limit)
  local list = {}
  for i, hit in ipairs(search({ query = query, limit = limit }).value.hits) do list[i] = hit.title end
  return list
end

t.case("answers what clients of the kit read, and what connectors do", function()
  t.root { ["docs/limits.md"] = "# Limits\n\nA token  bucket for\teach caller.\n" }
  local value = search({ query = "token bucket" }).value
  local id, snippet = id_of("docs/limits.md"), "# Limits A token bucket for each caller."
  t.eq(value.ids, { id })
  t.eq(value.note, nil)
  local hit, result = value.hits[1], value.results[1]
  t.eq({ hit.id, hit.title, hit.snippet }, { id, "docs/limits.md", snippet })
  t.eq({ result.id, result.title, result.text, result.url }, { id, hit.title, snippet, hit.url })
  t.eq(hit.url:match("^file:///.*/docs/limits%.md$"), hit.url)
end)

t.case("says that the files are still being looked at", function()
  t.root { ["a.txt"] = "zebra" }
  local value = t.call("search", { query = "zebra" }).value
  t.eq(value.note, "the repository is still being indexed: ask again soon")
  t.eq(#value.ids, 0)
end)

t.case("wants all words, a phrase in its order, a prefix", function()
  t.root {
    ["a.txt"] = "the quick brown fox", ["b.txt"] = "brown and quick", ["c.c"] = "int getTokenCount();",
  }
  t.eq(#titles("quick brown"), 2)
  t.eq(titles('"quick brown"'), { "a.txt" })
  t.eq(titles("fo*"), { "a.txt" })
  t.eq(titles("get_token_count"), { "c.c" })
  t.eq(titles("fo"), {})
end)

t.case("finds what has some of the words of a question where none has all", function()
  t.root { ["a.txt"] = "the quick brown fox", ["b.txt"] = "nothing" }
  t.eq(titles("which animal was the fox again?"), { "a.txt" })
end)

t.case("never finds what tools may not read, or git ignores, or no text is", function()
  t.root {
    [".gitignore"] = "*.log\n", ["a.log"] = "needle", [".env"] = "needle", ["k/server.key"] = "needle",
    [".git/x"] = "needle", ["binary"] = "needle\0", ["plain.txt"] = "needle",
  }
  t.eq(titles("needle", 50), { "plain.txt" })
end)

t.case("follows what changes", function()
  t.root { ["a.txt"] = "zebra", ["b.txt"] = "zebra" }
  t.eq(#titles("zebra"), 2)
  t.root { ["a.txt"] = "yak" }
  for _ = 1, 200 do
    t.clock:advance(11)
    if #titles("yak") == 1 then break end
  end
  t.eq(titles("yak"), { "a.txt" })
  t.eq(titles("zebra"), { "b.txt" })
end)

t.case("keeps to the limit, and reads one from a text", function()
  t.root { ["a"] = "word", ["b"] = "word", ["c"] = "word" }
  t.eq(#titles("word"), 3)
  t.eq(#titles("word", 2), 2)
  t.eq(#titles("word", "1"), 1)
  t.eq(#titles("word", 0), 1)
  t.eq(#titles("word", 999), 3)
end)

for _, query in ipairs { "", "  ", "\n" } do
  t.case(("wants a query, not %q"):format(query), function()
    t.eq(t.call("search", { query = query }).text, "Search query is required")
  end)
end

t.case("takes any text as a query", function()
  t.root { ["a.txt"] = "zebra" }
  for _, query in ipairs { 'NOT "(AND* ) OR:', "***", '"', ("x "):rep(500), "\u{1F993}" } do
    t.eq(search({ query = query }).ok, true, query)
  end
  t.eq(search({ query = ("w%d "):rep(3):format(1, 2, 3) .. "zebra" }).value.ids, { id_of("a.txt") })
end)
