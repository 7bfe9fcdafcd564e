-- re.lua - regular expressions.
local mcp = require "mcp"
local t = require "t"

local function run()
  local re = mcp.re
  local year, month, names = re.match("on 2024-03-17", [[(?<year>\d{4})-(\d\d)]])
  t.eq(year .. month .. names.year, "2024032024")
  t.eq(re.find("a,b", ","), 2)
  t.eq(re.match("x", "y"), nil)
  local list = {}
  for key, value in re.gmatch("a=1; b=2", [[(\w+)=(\w+)]]) do list[#list + 1] = key .. value end
  t.eq(table.concat(list, ","), "a1,b2")
  t.eq(re.gsub("John Smith", [[(?<first>\w+) (\w+)]], "$2, ${first}"), "Smith, John")
  t.eq(re.gsub("a b", [[\w]], function(x)
    mcp.time.sleep(0)
    return x:upper()
  end), "A B")
  t.eq(re.gsub("über", "^ü", "Ue", 1, { flags = "i" }), "Ueber")
  t.fails("LIMIT", re.match(("a"):rep(100000), "(?:a|aa)*[bc]"))
  t.fails("INVALID", re.match("\xff", "a"))
  t.raises("unknown flag", re.match, "a", "a", { flags = "q" })
  t.raises("bad pattern", re.match, "a", "(")
  t.raises("names no capture", re.gsub, "a", "a", "$1")
  return "ok"
end

return mcp.tool { name = "re", run = run }
