-- release_test.lua - what is asked, and what comes of each answer.
local mcp = require "mcp"
local t = mcp.testing

local function accept(content) return { approval = { action = "accept", content = content } } end

t.case("notes what somebody agreed to", function()
  t.answers(accept { channel = "stable", notes = "Everything is faster." })
  local result = t.call("release", { version = "1.2.0" })
  t.eq(result.ok, true, result.text)
  local kept = t.state("release.done")[1]
  t.eq(kept.channel, "stable")
  -- The form names the ticket that is kept: run began anew, the ticket did not.
  t.eq(#result.asked, 1)
  t.eq(result.asked[1].params.message, kept.ticket .. ": release version 1.2.0?")
end)

t.case("does nothing when nobody agrees", function()
  t.answers { approval = { action = "decline" } }
  t.eq(t.call("release", { version = "1.2.0" }).text, "not released: decline")
  t.eq(#t.state("release.done"), 0)
end)

t.case("takes no answer that does not fit the form", function()
  t.answers(accept { channel = "nightly", notes = "too short" })
  t.raises(function() t.call("release", { version = "1.2.0" }) end,
    "the answer that is given is none to what is asked: approval")
end)

t.case("says so where nobody can be asked", function()
  t.answers(false)
  local result = t.call("release", { version = "1.2.0" })
  t.eq(result.ok, false)
  t.eq(result.code, -32021)
end)

t.case("a question without an answer fails the case", function()
  t.raises(function() t.call("release", { version = "1.2.0" }) end,
    "asked, and no answer is given: approval (elicitation/create: ")
end)
