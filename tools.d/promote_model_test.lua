-- promote_model_test.lua - what promote_model records and refuses.
local mcp = require "mcp"
local t = mcp.testing

local function promote(gate, more)
  local args = { modelId = "m1", gate = gate }
  for name, value in pairs(more or {}) do args[name] = value end
  return t.call("promote_model", args).value
end

t.case("records a gate once", function()
  local now = mcp.time.iso()
  t.eq(promote("alpha"), {
    modelId = "m1", gate = "alpha", dryRun = false, changed = true, currentGates = { "alpha" },
    promoted = true, promotedAt = now,
  })
  t.clock:advance(60)
  local again = promote("alpha")
  t.eq(again.changed, false)
  t.eq(again.promotedAt, now)
  t.eq(promote("beta").currentGates, { "alpha", "beta" })
  t.eq(#t.state("models"), 1)
end)

t.case("a dry run changes nothing", function()
  local result = promote("alpha", { dryRun = true })
  t.eq(result.changed, true)
  t.eq(result.promoted, false)
  t.eq(result.promotedAt, mcp.json.null)
  t.eq(t.state("models"), {})
end)

t.case("keeps what a row holds besides", function()
  t.state { models = { { modelId = "m1", owner = "Ada" } } }
  promote("alpha")
  t.eq(t.state("models")[1].owner, "Ada")
end)

t.case("remembers who promoted it, when and to which gate", function()
  local first = mcp.time.iso()
  promote("alpha")
  t.clock:advance(60)
  promote("alpha")                                -- changes nothing, so nothing is remembered
  promote("beta", { dryRun = true })
  promote("beta")
  local history = t.state("models")[1].history
  t.eq(#history, 2)
  t.eq(history[1].gate, "alpha")
  t.eq(history[1].at, first)
  t.eq(history[2].gate, "beta")
  t.eq(history[2].at, mcp.time.iso())
  t.eq(type(history[1].by), "string")
end)

t.case("remembers the last hundred promotions, and survives a history that is none", function()
  local old = {}
  for i = 1, 100 do old[i] = { gate = "g" .. i } end
  t.state { models = {
    { modelId = "m1", gates = {}, history = old }, { modelId = "m2", history = "none" },
  } }
  promote("new")
  local history = t.state("models")[1].history
  t.eq(#history, 100)
  t.eq(history[1].gate, "g2")
  t.eq(history[100].gate, "new")
  promote("new", { modelId = "m2" })
  t.eq(#t.state("models")[2].history, 1)
end)

t.case("refuses what lacks or is too long", function()
  t.eq(t.call("promote_model", { modelId = "m1" }).ok, false)
  local result = t.call("promote_model", { modelId = ("m"):rep(513), gate = "alpha" })
  t.eq(result.text, "modelId and gate have at most 512 bytes")
  t.eq(t.state("models"), {})
end)
