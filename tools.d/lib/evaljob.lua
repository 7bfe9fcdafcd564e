-- evaljob.lua - the rows of the collection jobs: how they change and how clients see them.
local mcp = require "mcp"

local evaljob = {}

evaljob.rows = mcp.state.open("jobs", { key = "jobId" })

evaljob.MAX_ID = 512            -- bytes of an id that is looked for

--- The resource that the job is: see job.lua.
function evaljob.uri(id)
  return "job:///" .. id:gsub("[^%w._~-]", function(c) return ("%%%02X"):format(c:byte()) end)
end

--- Tells who subscribed to the job's resource that it has changed.
function evaljob.tell_changed(id)
  if #id <= evaljob.MAX_ID then mcp.resources.updated(evaljob.uri(id)) end
end

--- Tells who is shown the list of jobs that there are other jobs now.
function evaljob.tell_listed()
  mcp.resources.list_changed("job")
end

-- A row in one of these states has not ended.
evaljob.alive = { QUEUED = true, RUNNING = true }

--- A new id, from the kernel's random source.
function evaljob.new_id()
  local digits = "0123456789abcdefghijklmnopqrstuvwxyz"
  local id = {}
  while #id < 12 do
    -- 252 = 7 * 36: what lies above would make some digits likelier.
    for _, byte in ipairs({ mcp.codec.random(16):byte(1, 16) }) do
      local at = byte < 252 and byte % 36 + 1
      if at and #id < 12 then id[#id + 1] = digits:sub(at, at) end
    end
  end
  return "job_" .. table.concat(id)
end

-- The members of a row that tools return, with the reason of a failure. The result may be large:
-- only status adds it.
evaljob.shown = { "jobId", "taskId", "configId", "status", "startedAt", "updatedAt", "error",
  "remoteId" }

function evaljob.view(row)
  local view = {}
  for _, name in ipairs(evaljob.shown) do view[name] = row[name] end
  return view
end

--- Changes the row if it is in state `from`. Whoever makes a change this way tells of it, so that
-- every change is told once. Returns the row; false when it is in another state or gone; or nil,
-- message, code.
function evaljob.move(id, from, changes)
  local row, message, code = evaljob.rows:get(id)
  if code then return nil, message, code end
  if not row or row.status ~= from then return false end      -- without a needless write

  local moved
  row, message, code = evaljob.rows:update(id, function(current)
    moved = current ~= nil and current.status == from
    if moved then
      for name, value in pairs(changes) do current[name] = value end
      current.updatedAt = mcp.time.iso()
    end
    return current
  end)
  if code then return nil, message, code end
  if moved then evaljob.tell_changed(id) end
  return moved and row
end

local function is_untold(row)
  return row ~= nil and row.status == "CANCELLED" and not row.isTold
end

--- Takes it over to tell that the job was cancelled, which one may do: the call that cancelled it
-- where no job is behind the row, else the job's own end. That comes behind all that the job has
-- told, which may still wait in its worker to be durable. Returns the row, or nil when it is told
-- already. Where the state cannot be changed the end is rather told twice than never.
function evaljob.take_cancelled(row)
  if not is_untold(row) then return nil end
  local is_mine
  local _, _, code = evaljob.rows:update(row.jobId, function(current)
    is_mine = is_untold(current)
    if is_mine then current.isTold = true end
    return current
  end)
  return (code or is_mine) and row or nil
end

--- Publishes what happened on the job's topic; ts: when.
function evaljob.tell(row, event, ts, more)
  local data = { jobId = row.jobId, ts = ts or row.updatedAt }
  for name, value in pairs(more or {}) do data[name] = value end
  return mcp.events.publish("job/" .. row.jobId, event, data)
end

function evaljob.tell_queued(row)
  local ids = { taskId = row.taskId, configId = row.configId }
  return evaljob.tell(row, "queued", row.startedAt, ids)
end

--- Tells late subscribers again how the job began, where nothing is known of it any more: after a
-- restart. Returns whether it was told.
function evaljob.tell_begin(row)
  if mcp.events.has_history("job/" .. row.jobId) then return false end
  evaljob.tell_queued(row)
  if row.runningAt then evaljob.tell(row, "running", row.runningAt) end
  return true
end

-- Bytes of a result's JSON that an event carries. A stream whose client has [server]
-- max_stream_queue (256 KB) still to take is cut off: a larger event would reach nobody.
local MAX_TOLD = 100000

local function told_result(row)
  local result = row.result or mcp.json.null
  local text = mcp.json.encode(result)
  if text and #text <= MAX_TOLD then return { result = result } end
  return { result = mcp.json.null, note = "the result is large: ask status for it" }
end

--- The event that tells of the row's end.
function evaljob.tell_end(row)
  if row.status == "COMPLETED" then
    return evaljob.tell(row, "completed", nil, told_result(row))
  elseif row.status == "CANCELLED" then
    return evaljob.tell(row, "cancelled")
  end
  return evaljob.tell(row, "failed", nil, { error = row.error or row.status })
end

return evaljob
