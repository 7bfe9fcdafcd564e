-- notify_test.lua - what is sent, what is tried again, what is given up. No chat is needed: the
-- answers are given here.
local mcp = require "mcp"
local t = mcp.testing

local HOOK = "POST https://chat.example.org/hook/1"

t.case("sends a message", function()
  t.http { [HOOK] = { status = 200, body = "ok" } }
  t.eq(t.call("notify", { text = "build is green" }).value, { sent = true, tries = 1 })
end)

t.case("a chat that is busy is asked again, and gives up at last", function()
  t.http { [HOOK] = { status = 429, headers = { ["retry-after"] = "3" } } }
  local before = mcp.time.mono()
  local result = t.call("notify", { text = "x" })
  t.eq(result.text, "not sent: the chat answered with status 429")
  t.eq(mcp.time.mono() - before, 9.0)             -- three pauses, on the test's clock
end)

t.case("what the chat refuses is not repeated", function()
  t.http { [HOOK] = { status = 403 } }
  t.eq(t.call("notify", { text = "x" }).text, "not sent: the chat answered with status 403")
end)

t.case("an empty message never gets that far", function()
  local result = t.call("notify", { text = "" })
  t.eq(result.text, 'invalid arguments: at /text: expected at least 1 character, got ""')
end)
