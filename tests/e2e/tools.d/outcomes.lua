-- outcomes.lua - one tool for each way in which a call can end badly, and two that wait.
local mcp = require "mcp"

local function tool(name, run)
  return mcp.tool {
    name = name,
    description = "Ends in its own way.",
    input = { type = "object" },
    limits = { timeout = "2s", memory = "4M" },
    run = run,
  }
end

local function sleep(args)
  local ok, message, code = mcp.time.sleep(args.seconds or 0.05)
  if not ok then return nil, message, code end
  return { slept = args.seconds or 0.05 }
end

local function spin()
  while true do end
end

local function hog()
  local all = {}
  while true do all[#all + 1] = ("x"):rep(1000) .. #all end
end

return {
  tool("fail", function() return mcp.fail("it did not work") end),
  tool("nil_message", function() return nil, "there is no such thing" end),
  tool("raise", function() error("something broke") end),
  tool("raise_table", function() error { secret = "for the log only" } end),
  tool("text", function() return "plain text" end),
  tool("nothing", function() end),
  tool("sleep", sleep),
  tool("spin", spin),
  tool("hog", hog),
}
