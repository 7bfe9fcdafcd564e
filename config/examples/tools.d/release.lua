-- release.lua - notes a release once somebody has agreed to it: asks with a form, and makes what
-- must be made once in ctx:once.
local mcp = require "mcp"

local releases = mcp.state.open("release.done", { key = "version" })

local FORM = {
  type = "object",
  properties = {
    channel = { type = "string", title = "Where to", enum = { "beta", "stable" },
      default = "beta" },
    notes = { type = "string", title = "What is new", minLength = 10, maxLength = 2000 },
    announce = { type = "boolean", title = "Tell everybody", default = false },
  },
  required = { "channel", "notes" },
}

local function run(args, ctx)
  if releases:get(args.version) then return nil, args.version .. " is released already" end
  -- The person may take a minute, and run may begin anew with the answer: the ticket stays.
  local ticket = ctx:once("ticket", function() return "REL-" .. mcp.codec.uuid():sub(1, 8) end)
  local answer, message = ctx:elicit("approval", {
    message = ("%s: release version %s?"):format(ticket, args.version),
    schema = FORM,
  })
  if not answer then return nil, "nobody can be asked: " .. message end
  if answer.action ~= "accept" then return "not released: " .. answer.action end
  -- From here on nothing is asked any more: changes are made once.
  local done, why = releases:put {
    version = args.version, ticket = ticket, at = mcp.time.iso(), by = ctx.principal,
    channel = answer.content.channel, notes = answer.content.notes,
  }
  if not done then return nil, why end
  if answer.content.announce then mcp.events.publish("releases", "released", done) end
  return done
end

return mcp.tool {
  name        = "release",
  description = "Note the release of a version. A person is asked to agree and to say what is new.",
  input = {
    type = "object",
    properties = { version = { type = "string", pattern = "^[0-9]+\\.[0-9]+\\.[0-9]+$" } },
    required = { "version" }, additionalProperties = false,
  },
  annotations = { readOnlyHint = false, destructiveHint = false, openWorldHint = false },
  run         = run,
}
