-- tickets_test.lua - a ticket's life.
local mcp = require "mcp"
local t = mcp.testing

t.case("is opened, listed and closed", function()
  local ticket = t.call("ticket_open", { title = "The door squeaks" }).value
  t.eq(ticket.status, "open")
  t.eq(t.call("ticket_list", { status = "open" }).value.tickets, { ticket })
  local closed = t.call("ticket_close", { id = ticket.id, answer = "Oiled." }).value
  t.eq(closed.answer, "Oiled.")
  t.eq(t.call("ticket_list", { status = "open" }).value.tickets, {})
  t.eq(t.state("tickets")[1].status, "closed")
end)

t.case("is closed once", function()
  t.state { tickets = { { id = "t00000001", title = "x", status = "closed" } } }
  local again = t.call("ticket_close", { id = "t00000001", answer = "y" })
  t.eq(again.text, "t00000001 is closed already")
  local none = t.call("ticket_close", { id = "t00000002", answer = "y" })
  t.eq(none.text, "no such ticket: t00000002")
  t.eq(#t.state("tickets"), 1)
end)

t.case("pages follow one another", function()
  local all = {}
  for i = 1, 5 do all[i] = { id = ("t%08x"):format(i), title = "x", status = "open" } end
  t.state { tickets = all }
  local first = t.call("ticket_list", { limit = 3 }).value
  t.eq(#first.tickets, 3)
  local second = t.call("ticket_list", { limit = 3, after = first.next }).value
  t.eq(second.tickets[2].id, "t00000001")
  t.eq(second.next, nil)
end)
