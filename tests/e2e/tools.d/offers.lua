-- offers.lua - prompts, resources and a template, one of each kind of answer.
local mcp = require "mcp"

local function many(value)
  local list = {}
  for i = 1, 250 do list[i] = value .. i end
  return list
end

return {
  mcp.prompt {
    name = "greet", title = "Greet", description = "Greets somebody.",
    icons = { { src = "https://example.com/i.png" } },
    arguments = { { name = "who", description = "Whom", required = true }, { name = "tone" } },
    complete = {
      who = { "Ada", "Alan", "Grace" },
      tone = function(value, ctx, others) return { value, ctx.tool, others.who or "nobody" } end,
    },
    run = function(args)
      if args.who == "" then return nil, "whom?", "INVALID" end
      return {
        { role = "user", content = "Greet " .. args.who },
        { role = "assistant", content = mcp.audio("RIFF", "audio/wav") },
      }
    end,
  },
  mcp.prompt { name = "broken", run = function() error("it broke") end },
  mcp.prompt { name = "slow", run = function()
    mcp.time.sleep(0.05)
    return "slow"
  end },
  mcp.prompt { name = "many", arguments = { { name = "x" } }, complete = { x = many },
    run = function() return "many" end },
  mcp.resource {
    uri = "notes:///today", name = "today", title = "Today", description = "A note.",
    mimeType = "text/plain", size = 5, annotations = { audience = { "user" } },
    read = function() return "today" end,
  },
  mcp.resource {
    uri = "ui://notes/view", name = "view", mimeType = "text/html;profile=mcp-app",
    meta = { ui = { prefersBorder = true } },
    read = function()
      local csp = { connectDomains = { "https://example.com" } }
      return { text = "<p>Notes</p>", meta = { ui = { csp = csp } } }
    end,
  },
  mcp.tool { name = "show_notes", meta = { ui = { resourceUri = "ui://notes/view" } },
    run = function()
      return mcp.content { mcp.text("notes"), mcp.link { uri = "ui://notes/view", name = "view" } }
    end },
  mcp.resource { uri = "notes:///bytes", name = "bytes", mimeType = "image/png",
    cache = { ttl = "10m", public = true },
    read = function() return { blob = "\0\1\2" } end },
  mcp.resource_template {
    uriTemplate = "notes:///by/{id}{?lang}", name = "notes", description = "Notes by number.",
    mimeType = "text/markdown", cache = { ttl = 1.5 },
    complete = { id = many },
    list = function(ctx)
      return { { uri = "notes:///by/1", name = "one", title = ctx.principal } }
    end,
    read = function(vars)
      if vars.id == "0" then return nil, "no such note", "ENOENT" end
      if vars.id == "bad" then return nil, "the disk failed", "EIO" end
      if vars.lang == "xx" then return nil, "there is no language xx", "INVALID" end
      return vars.id .. " in " .. (vars.lang or "en")
    end,
  },
}
