-- json.lua - JSON and encodings: what goes in comes out.
local mcp = require "mcp"
local t = require "t"

local function round(text)
  t.eq(mcp.json.encode(mcp.json.decode(text)), text)
end

local function run()
  for _, text in ipairs {
    "null", "true", "0", "-1", "9007199254740991", "0.1", "1e+300", '""', '"\\u0001\\"\\\\"',
    "[]", "{}",
    '[[],{},null]', '{"":0,"a":{"b":[1,2,3]}}', '"\u{1F600}é"',
  } do
    round(text)
  end
  for _, text in ipairs {
    "", "01", "[1,]", "{'a':1}", "nul", '"\\ud800"', "[1] x", '{"a":1,"a":1}',
  } do
    t.fails("INVALID", mcp.json.decode(text))
  end
  t.raises("cannot be JSON", mcp.json.encode, { f = print })
  t.eq(mcp.json.encode({ 1, { a = 2 } }, { indent = 1 }), '[\n 1,\n {\n  "a": 2\n }\n]')

  local bytes = mcp.codec.random(1000)
  t.eq(mcp.codec.unbase64(mcp.codec.base64(bytes)), bytes)
  t.eq(mcp.codec.unbase64url(mcp.codec.base64url(bytes)), bytes)
  t.eq(mcp.codec.unhex(mcp.codec.hex(bytes)), bytes)
  t.eq(#mcp.codec.sha256(bytes:rep(1000)), 64)
  t.fails("INVALID", mcp.codec.unbase64("===="))
  return "ok"
end

return mcp.tool { name = "json", run = run }
