-- notify.lua - a message to a chat, by a webhook that takes {"text": "..."}.
-- It needs in mcp.ini:
--   [tool notify]
--   http = chat.example.org
--   webhook = @/etc/moongate/notify.webhook      ; the whole address: whoever knows it may post
local mcp = require "mcp"

local TRIES = 4

-- Seconds to wait before the next try; nil: it makes no sense.
local function pause(response, code, try)
  if try == TRIES then return nil end
  if not response then return code == "TIMEOUT" and 2 ^ try or nil end
  if response.status ~= 429 and response.status < 500 then return nil end
  return math.min(tonumber(response.headers["retry-after"] or "") or 2 ^ try, 20)
end

local function send(text)
  for try = 1, TRIES do
    local response, message, code = mcp.http.post(mcp.config.webhook, {
      json = { text = text }, timeout = "5s", max_bytes = "64K",
    })
    if response and response.status < 300 then return try end
    local seconds = pause(response, code, try)
    if not seconds then
      return nil, response and "the chat answered with status " .. response.status or message
    end
    local ok, why = mcp.time.sleep(seconds)
    if not ok then return nil, why end             -- cancelled
  end
end

local function run(args)
  local tries, message = send(args.text)
  if not tries then return nil, "not sent: " .. message end
  return { sent = true, tries = tries }
end

return mcp.tool {
  name        = "notify",
  description = "Send a short message to the team's chat.",
  input = {
    type = "object",
    properties = { text = { type = "string", minLength = 1, maxLength = 2000 } },
    required = { "text" }, additionalProperties = false,
  },
  output = {
    type = "object",
    properties = { sent = { type = "boolean" }, tries = { type = "integer" } },
    required = { "sent", "tries" },
  },
  needs    = { "http" },
  settings = { webhook = { type = "secret", help = "Address that takes the messages" } },
  limits   = { timeout = "1m", concurrent = 4 },
  run      = run,
}
