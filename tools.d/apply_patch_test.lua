-- apply_patch_test.lua - which patches apply, and what is refused.
local mcp = require "mcp"
local t = mcp.testing

local function sha(text) return mcp.codec.sha256(text) end

local function apply(old, diff, more)
  t.root { f = old }
  local args = { path = "f", patch = diff, expectSha256 = sha(old) }
  for name, value in pairs(more or {}) do args[name] = value end
  local result = t.call("apply_patch", args)
  if not result.ok then return result.text end
  t.eq({ result.value.path, result.value.previousSha256, result.value.created }, { "f", sha(old), false })
  return t.call("fetch", { id = "lukhas-path:" .. mcp.codec.base64url("f") }).value.text
end

local five = "1\n2\n3\n4\n5\n"

t.case("changes, adds and removes", function()
  t.eq(apply("ww\n", "--- a\n+++ b\n@@ -1 +1 @@\n-ww\n+wx\n"), "wx\n")
  t.eq(apply(five, "@@ -2,3 +2,4 @@\n 2\n-3\n+three\n+and\n 4\n"), "1\n2\nthree\nand\n4\n5\n")
  t.eq(apply(five, "@@ -1,2 +1,1 @@\n-1\n 2\n@@ -4,2 +3,3 @@\n 4\n 5\n+6\n"), "2\n3\n4\n5\n6\n")
  t.eq(apply(five, "@@ -2,0 +3,1 @@\n+between\n"), "1\n2\nbetween\n3\n4\n5\n")
end)

t.case("finds its place when lines were added before it", function()
  t.eq(apply("0\n0\n" .. five, "@@ -2,3 +2,3 @@\n 2\n-3\n+x\n 4\n"), "0\n0\n1\n2\nx\n4\n5\n")
  t.eq(apply("2\n3\n4\n", "@@ -9,3 +9,3 @@\n 2\n-3\n+x\n 4\n"), "2\nx\n4\n")
end)

t.case("keeps the end of the file as the patch says", function()
  local marker = "\\ No newline at end of file\n"
  t.eq(apply("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n" .. marker .. "+c\n" .. marker), "a\nc")
  t.eq(apply("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n" .. marker .. "+b\n"), "a\nb\n")
  t.eq(apply("a\nb\n", "@@ -1,2 +1,2 @@\n a\n-b\n+b\n" .. marker), "a\nb")
  t.eq(apply("a\nb", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"),
    "Invalid patch: hunk 1 (@@ -1,2 +1,2 @@) does not apply")
  t.eq(apply("a\n", "@@ -1 +1 @@\n-a\n+b"), "b\n") -- cut off on the way
end)

t.case("takes either end of lines", function()
  t.eq(apply("a\r\nb\r\n", "@@ -1,2 +1,2 @@\r\n a\r\n-b\r\n+c\r\n"), "a\r\nc\r\n")
  t.eq(apply("a\r\nb\r\n", "@@ -1,2 +1,2 @@\n a\n-b\n+c\n"), "a\r\nc\r\n")
  t.eq(apply("a\nb\n", "@@ -1,2 +1,2 @@\r\n a\r\n-b\r\n+c\r\n"), "a\nc\n")
end)

t.case("refuses what does not apply, and changes nothing", function()
  local function refused(diff, why)
    t.eq(apply(five, diff), "Invalid patch: " .. why)
    t.eq(t.call("delete_file", { path = "f", expectSha256 = sha(five) }).ok, true)
  end
  refused("@@ -1 +1 @@\n-1\n+x\n@@ -3 +3 @@\n-none\n+y\n", "hunk 2 (@@ -3 +3 @@) does not apply")
  refused("new text\n", "it has no hunks (@@ -1,2 +1,3 @@)")
  refused("", "it has no hunks (@@ -1,2 +1,3 @@)")
  refused("@@ nonsense\n", "not the head of a hunk: @@ nonsense")
  refused("@@ -1,3 +1,3 @@\n 1\n", "hunk 1 ends early")
  refused("@@ -1 +1 @@\n?1\n", "hunk 1 holds a line that begins with none of blank, + and -: ?1")
  refused("--- a\n@@ -1 +1 @@\n-1\n+x\n--- b\n@@ -1 +1 @@\n-1\n+x\n", "it changes more than one file")
  refused("--- a\n+++ /dev/null\n@@ -1,5 +0,0 @@\n-1\n-2\n-3\n-4\n-5\n",
    "it deletes the file: delete_file does that")
  refused("--- /dev/null\n+++ b\n@@ -0,0 +1 @@\n+x\n", "it creates a file that is there")
  refused("GIT binary patch\n", "it is a patch of a binary file")
  refused("@@ -9999999999 +1 @@\n", "a number is too large: @@ -9999999999 +1 @@")
end)

t.case("makes a file only when it is told to", function()
  local args = { path = "d/q", patch = "--- /dev/null\n+++ b/q\n@@ -0,0 +1,2 @@\n+a\n+b\n", expectSha256 = "" }
  t.eq(t.call("apply_patch", args).text, "Missing file: d/q (allowCreate=false)")
  args.allowCreate = true
  t.eq(t.call("apply_patch", args).value, {
    path = "d/q", bytesWritten = 4, previousSha256 = mcp.json.null, sha256 = sha("a\nb\n"), created = true,
  })
end)

t.case("needs the digest of what is there", function()
  t.root { f = "a\n" }
  local diff = "@@ -1 +1 @@\n-a\n+b\n"
  t.eq(t.call("apply_patch", { path = "f", patch = diff, expectSha256 = "0" }).text,
    "Precondition failed: sha256=" .. sha("a\n"))
  t.eq(t.call("apply_patch", { path = "f", patch = diff }).text, "path, patch, and expectSha256 required")
  t.eq(t.call("apply_patch", { path = "f", patch = diff, expectSha256 = sha("a\n"):upper() }).ok, true)
end)

t.case("stays in the repository, and away from what is not for tools", function()
  t.root { ["a.txt"] = "a" }
  local function call(path)
    return t.call("apply_patch", { path = path, patch = "@@ -1 +1 @@\n-a\n+b\n", expectSha256 = sha("a") })
  end
  t.eq(call("../x").text, "Path traversal not allowed: ../x")
  t.eq(call("a/../../x").text, "Path traversal not allowed: a/../../x")
  local outside = call("/etc/x").text
  t.eq(outside:match("^Absolute path must be within the repository: /") ~= nil, true, outside)
  for _, path in ipairs { ".git/config", ".env", "sub/.env" } do t.eq(call(path).ok, false, path) end
end)
