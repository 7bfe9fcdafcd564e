-- fetch_test.lua - each kind of id, and what is refused. Pages need a host that is granted: those
-- cases are in tests/e2e.
local mcp = require "mcp"
local t = mcp.testing

local function id_of(path) return "lukhas-path:" .. mcp.codec.base64url(path) end

t.case("gives a file's exact text, and what is known of it", function()
  t.root { ["docs/a b.md"] = "# Zebra\r\n\tno newline at the end" }
  local document = t.call("fetch", { id = id_of("docs/a b.md") }).value
  t.eq(document.text, "# Zebra\r\n\tno newline at the end")
  t.eq(document.title, "a b.md")
  t.eq(document.mimeType, "text/markdown")
  t.eq(document.metadata.source, "lukhas-repo")
  t.eq(document.metadata.path, "docs/a b.md")
  t.eq(document.metadata.size, 31)
  t.eq(document.metadata.sha256, mcp.codec.sha256(document.text))
  t.eq(document.url:match("^file:///.*/docs/a%%20b%.md$"), document.url)
  t.eq(document.metadata.modified:match("^%d%d%d%d%-.*Z$"), document.metadata.modified)
end)

t.case("takes ids with padding and in either alphabet", function()
  t.root { ["a?>b"] = "x" }                       -- "YT8-Yg" in the one, "YT8+Yg==" in the other
  for _, id in ipairs { "YT8-Yg", "YT8-Yg==", "YT8+Yg==", "YT8+Yg" } do
    t.eq(t.call("fetch", { id = "lukhas-path:" .. id }).value.text, "x")
  end
end)

t.case("is reduced to the fields that are asked for, unknown ones aside", function()
  t.root { ["a.txt"] = "x" }
  local fields = { "title", "bogus", "text" }
  t.eq(t.call("fetch", { id = id_of("a.txt"), fields = fields }).value,
    { id = id_of("a.txt"), title = "a.txt", text = "x" })
end)

t.case("repairs what is not UTF-8, and says so", function()
  t.root { ["a.bin"] = "a\xFFb" }
  local document = t.call("fetch", { id = id_of("a.bin") }).value
  t.eq(document.text, "a\u{FFFD}b")
  t.eq(document.metadata.repaired, true)
  t.eq(document.metadata.sha256, mcp.codec.sha256("a\xFFb"))
end)

t.case("any other id is a literal record", function()
  local document = t.call("fetch", { id = "some text" }).value
  t.eq(document.text, "some text")
  t.eq(document.metadata.source, "literal")
end)

local refused = {
  { nil, "ID is required" },
  { "", "ID is required" },
  { id_of("none.md"), "Failed to fetch file none.md: File not found: none.md" },
  { id_of("../x"), "Failed to fetch file ../x: Path traversal not allowed: ../x" },
  { id_of("/etc/passwd"), "/etc/passwd" },
  { id_of(".git/HEAD"), "not for tools" },
  { id_of("docs"), "is a folder" },
  { "lukhas-path:", "Failed to fetch file" },
  { "lukhas-path:%%%", "Failed to fetch file" },
  { "gh:owner/repo", "expected gh:owner/repo@sha:path" },
  { "gh:owner/repo@main:../../../other/repo/main/x", "expected gh:owner/repo@sha:path" },
  { "gh:owner/..@main:x", "expected gh:owner/repo@sha:path" },
  { "gh:../repo@main:x", "expected gh:owner/repo@sha:path" },
  { "gh:owner/repo@..:x", "expected gh:owner/repo@sha:path" },
}

for _, row in ipairs(refused) do
  t.case("refuses " .. tostring(row[1]), function()
    t.root { ["docs/a.txt"] = "x", [".git/HEAD"] = "ref" }
    local result = t.call("fetch", { id = row[1] })
    t.eq(result.ok, false)
    t.eq(result.text:find(row[2], 1, true) ~= nil, true, result.text)
  end)
end
