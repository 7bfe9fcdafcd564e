-- tickets.lua - three tools over one collection: open, list and close tickets.
-- They need in mcp.ini:
--   [tool ticket_*]
--   state = tickets:rw
local mcp = require "mcp"
local s = mcp.schema

local tickets = mcp.state.open("tickets", { key = "id" })

local function open(args, ctx)
  local ticket = {
    id = "t" .. mcp.codec.uuid():sub(1, 8), title = args.title, status = "open",
    by = ctx.principal, opened = mcp.time.iso(),
  }
  local ok, message = tickets:put(ticket)
  if not ok then return nil, message end
  mcp.events.publish("ticket_open/" .. ticket.id, "opened", ticket)
  return ticket
end

-- A page, newest first; `next` leads to the following one.
local function list(args)
  local found = mcp.json.array {}
  local page, next_id = tickets:list { newest = true, limit = args.limit, after = args.after }
  if not page then return nil, next_id end
  for _, ticket in ipairs(page) do
    if not args.status or ticket.status == args.status then found[#found + 1] = ticket end
  end
  return { tickets = found, next = next_id }
end

-- Looks and changes in one step: of two who close it, one is told that it was closed.
local function close(args)
  local refused
  local ticket, message = tickets:update(args.id, function(old)
    refused = not old and "no such ticket: " .. args.id
      or old.status == "closed" and args.id .. " is closed already" or nil
    if refused then return old end
    old.status, old.closed, old.answer = "closed", mcp.time.iso(), args.answer
    return old
  end)
  if refused then return nil, refused end
  if not ticket then return nil, message end
  return ticket
end

local id = s.string { pattern = "^t[0-9a-f]{8}$" }

return {
  mcp.tool {
    name = "ticket_open", description = "Open a ticket.", run = open, needs = { "state:tickets" },
    input = s.object { title = s.string { minLength = 3, maxLength = 200 } },
  },
  mcp.tool {
    name = "ticket_list", description = "List tickets, newest first.", run = list,
    needs = { "state:tickets" }, annotations = { readOnlyHint = true },
    input = s.object {
      status = s.optional(s.enum { "open", "closed" }),
      limit = s.integer { minimum = 1, maximum = 100, default = 20 },
      after = s.optional(id),
    },
  },
  mcp.tool {
    name = "ticket_close", description = "Close a ticket with an answer.", run = close,
    needs = { "state:tickets" },
    input = s.object { id = id, answer = s.string { minLength = 1, maxLength = 5000 } },
  },
}
