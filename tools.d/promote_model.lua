-- promote_model.lua - notes that a model has passed a gate.
local mcp = require "mcp"
local args = require "args"

local models = mcp.state.open("models", { key = "modelId" })

local MAX_HISTORY = 100         -- promotions that a row remembers; the oldest go first
local MAX_TEXT = 200            -- bytes of a text in them

local function has(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
  return false
end

-- May the model pass this gate now? true, or nil, message.
local function check(gates, gate)
  local order, is_strict = mcp.gates.order()
  if #order == 0 then return true end
  local before
  for _, name in ipairs(order) do
    if name == gate then
      if is_strict and before and not has(gates, before) then
        return nil, "Gate " .. gate .. " needs gate " .. before .. " first"
      end
      return true
    end
    before = name
  end
  return nil, "Unknown gate: " .. gate .. " (known: " .. table.concat(order, ", ") .. ")"
end

local function gates_of(row)
  return row and type(row.gates) == "table" and row.gates or mcp.json.array()
end

local function clip(text)
  if type(text) ~= "string" or text == "" then return nil end
  return mcp.codec.utf8(#text > MAX_TEXT and text:sub(1, MAX_TEXT) .. " ..." or text)
end

-- Who promotes it, and from where: what of that is known.
local function promotion(gate, at, ctx)
  local client = ctx.client
  return {
    gate = gate, at = at, by = clip(ctx.principal), from = clip(ctx.ip),
    protocol = clip(ctx.protocol), client = client and clip(client.name),
  }
end

-- Notes it behind what the row remembers.
local function remember(row, entry)
  local old = type(row.history) == "table" and row.history or {}
  local history = mcp.json.array()
  for i = math.max(1, #old - MAX_HISTORY + 2), #old do history[#history + 1] = old[i] end
  history[#history + 1] = entry
  row.history = history
end

-- Adds the gate to the row. Returns the row and whether it changed; or nil, message.
local function promote(id, gate, ctx)
  local changed, refused
  local row, message = models:update(id, function(row)
    changed, refused = false, nil
    local gates = gates_of(row)
    if has(gates, gate) then return row end
    local ok, reason = check(gates, gate)
    if not ok then
      refused = reason
      return row
    end
    row = row or { modelId = id }
    gates[#gates + 1] = gate
    row.gates, row.promoted, row.promotedAt = gates, true, mcp.time.iso()
    remember(row, promotion(gate, row.promotedAt, ctx))
    changed = true
    return row
  end)
  if refused then return nil, refused end
  if not row then return nil, message end
  return row, changed
end

local function run(arguments, ctx)
  local id, gate = args.text(arguments.modelId), args.text(arguments.gate)
  if not (id and gate) then return nil, "modelId and gate are required" end
  if #id > 512 or #gate > 512 then return nil, "modelId and gate have at most 512 bytes" end
  local is_dry = arguments.dryRun

  local row, message, code = models:get(id)
  if code then return nil, message end
  local changed = not has(gates_of(row), gate)
  if changed then
    local ok
    ok, message = check(gates_of(row), gate)
    if not ok then return nil, message end
    if not is_dry then
      row, changed = promote(id, gate, ctx)
      if not row then return nil, changed end
    end
  end
  return {
    modelId = id, gate = gate, dryRun = is_dry, changed = changed,
    currentGates = gates_of(row),
    promoted = row ~= nil and row.promoted == true,
    promotedAt = row and row.promotedAt or mcp.json.null,
  }
end

return mcp.tool {
  name        = "promote_model",
  title       = "Promote a model",
  description = "Record that a model has passed a gate. Doing it again changes nothing. A dry run "
    .. "says in `changed` what would happen.",
  input = {
    type = "object",
    properties = {
      modelId = { type = "string" },
      gate    = { type = "string" },
      dryRun  = { type = "boolean", default = false },
    },
    required = { "modelId", "gate" },
  },
  annotations = {
    readOnlyHint = false, destructiveHint = false, idempotentHint = true, openWorldHint = false,
  },
  needs       = { "state:models" },
  coerce      = true,
  run         = run,
}
