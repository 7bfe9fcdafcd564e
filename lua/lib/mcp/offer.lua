-- offer.lua - what prompts and resources return, in the terms of the protocol.
-- Given: the primitives of api_result.c and api_offer.c. Returns for each kind of declaration a
-- function that makes of its table what runs it, what completes it and what lists it, each
-- function(args, ctx), or nil where it has no such part or it is of a wrong type.
local raw = ...

local makers = {}

local MAX_COMPLETIONS = 100
local MAX_LISTED = 10000
local MISSING = {
  ENOENT = true, ENOTDIR = true, ENAMETOOLONG = true, ELOOP = true, DENIED = true, NOT_FOUND = true,
}

-- code: "INVALID" where what the client sent is wrong, "NOT_FOUND" where there is no such resource;
-- anything else is the gateway's own failure.
local function failed(message, otherwise, code)
  return raw.mark_fail({
    message = type(message) == "string" and message or otherwise,
    data = code and { code = code },
  })
end

-- With what a function returned beside nil: no other code is about its arguments.
local function refused(message, otherwise, code)
  return failed(message, otherwise, code == "INVALID" and code or nil)
end

-- A table without other fields than these; what: for the error.
local function check_fields(value, known, what)
  for key in pairs(value) do
    if not known[key] then error(what .. ": unknown field " .. tostring(key), 0) end
  end
end

local function check_text(value, what)
  if type(value) ~= "string" then
    error(what .. ": expected a text, got " .. type(value), 0)
  end
  return value
end

-- ---- prompts ----

local MESSAGE = { role = true, content = true }

local function block_of(value, what)
  if type(value) == "string" then return { type = "text", text = value } end
  if type(value) == "table" and type(value.type) == "string" then return value end
  error(what .. ": expected a text or a block such as mcp.image(...), got " .. type(value), 0)
end

local function message_of(value, what)
  if type(value) ~= "table" or value.role == nil then
    return { role = "user", content = block_of(value, what) }
  end
  check_fields(value, MESSAGE, what)
  if value.role ~= "user" and value.role ~= "assistant" then
    error(what .. ": role is \"user\" or \"assistant\"", 0)
  end
  return { role = value.role, content = block_of(value.content, what .. ": content") }
end

local function messages_of(value, message, code)
  if value == nil then return refused(message, "the prompt returned nothing", code) end
  if raw.mark_of(value) == "fail" then return failed(value.message) end
  if type(value) ~= "table" or value.role ~= nil or value.type ~= nil then value = { value } end
  local messages = {}
  for i = 1, #value do messages[i] = message_of(value[i], "message " .. i) end
  if #messages == 0 then error("a prompt returns a text or at least one message", 0) end
  return raw.mark_content(messages)
end

-- ---- completion ----

local function that_begin(list, value)
  local found, start = {}, value:lower()
  for _, text in ipairs(list) do
    if text:sub(1, #start):lower() == start then found[#found + 1] = text end
  end
  return found
end

local function completions_of(list, message, code)
  if list == nil then return refused(message, "the completion returned nothing", code) end
  if raw.mark_of(list) == "fail" then return failed(list.message) end
  if type(list) ~= "table" then error("a completion returns a list of texts", 0) end
  local values = {}
  for i = 1, math.min(#list, MAX_COMPLETIONS) do
    values[i] = check_text(list[i], "completion " .. i)
  end
  values.structured = { total = #list, hasMore = #list > MAX_COMPLETIONS }
  return raw.mark_content(values)
end

local function completer_of(complete)
  if type(complete) ~= "table" then return nil end
  return function(args, ctx)
    local how = complete[args.name]
    if how == nil then return completions_of({}) end
    if type(how) == "table" then return completions_of(that_begin(how, args.value)) end
    return completions_of(how(args.value, ctx, args.others))
  end
end

-- ---- resources ----

local CONTENT = { uri = true, text = true, blob = true, mimeType = true, meta = true }

local function content_of(value, uri, mime, what)
  if type(value) == "string" then return { uri = uri, mimeType = mime, text = value } end
  if type(value) ~= "table" then
    error(what .. ": expected a text, { blob = bytes } or a list, got " .. type(value), 0)
  end
  check_fields(value, CONTENT, what)
  local content = {
    uri = check_text(value.uri or uri, what .. ": uri"),
    mimeType = value.mimeType or mime, _meta = value.meta,
  }
  if (value.text == nil) == (value.blob == nil) then
    error(what .. ": has text or blob, and not both", 0)
  elseif value.blob ~= nil then
    content.blob = raw.base64(check_text(value.blob, what .. ": blob"))
  else
    content.text = check_text(value.text, what .. ": text")
  end
  return content
end

local function contents_of(uri, mime, value, message, code)
  if value == nil then
    if message ~= nil and not MISSING[code] then
      return refused(message, "the resource failed", code)
    end
    return failed("Resource not found", nil, "NOT_FOUND")
  end
  if raw.mark_of(value) == "fail" then return failed(value.message) end
  if type(value) ~= "table" or next(value) == nil or value[1] == nil then value = { value } end
  local contents = {}
  for i = 1, #value do contents[i] = content_of(value[i], uri, mime, "content " .. i) end
  return raw.mark_content(contents)
end

local LISTED = {
  uri = "uri", name = "name", title = "title", description = "description", mimeType = "mimeType",
  size = "size", annotations = "annotations", icons = "icons", meta = "_meta",
}

local function listed_of(value, what)
  if type(value) ~= "table" then error(what .. ": expected a table with uri and name", 0) end
  local entry = {}
  for key, field in pairs(value) do
    local wire = LISTED[key]
    if not wire then error(what .. ": unknown field " .. tostring(key), 0) end
    entry[wire] = field
  end
  if not check_text(entry.uri, what .. ": uri"):find("^%a[%w+.-]*:.") then
    error(what .. ": \"" .. entry.uri .. "\" is no URI", 0)
  end
  check_text(entry.name, what .. ": name")
  return entry
end

local function lister_of(list)
  if type(list) ~= "function" then return nil end
  return function(_, ctx)
    local entries, message = list(ctx)
    if entries == nil then return failed(message, "the list of resources is nothing") end
    if raw.mark_of(entries) == "fail" then return failed(entries.message) end
    if type(entries) ~= "table" or #entries > MAX_LISTED then
      error("list returns a list of at most " .. MAX_LISTED .. " resources", 0)
    end
    local resources = {}
    for i = 1, #entries do resources[i] = listed_of(entries[i], "resource " .. i) end
    return raw.mark_content(resources)
  end
end

-- ---- the declarations ----

function makers.prompt(declaration)
  local run = declaration.run
  local function runner(args, ctx) return messages_of(run(args, ctx)) end
  return type(run) == "function" and runner or nil, completer_of(declaration.complete)
end

function makers.resource(declaration)
  local read, uri, mime = declaration.read, declaration.uri, declaration.mimeType
  local function runner(_, ctx) return contents_of(uri, mime, read(ctx)) end
  return type(read) == "function" and runner or nil
end

function makers.resource_template(declaration)
  local read, mime = declaration.read, declaration.mimeType
  local function runner(args, ctx)
    return contents_of(args.uri, mime, read(args.vars, ctx, args.uri))
  end
  return type(read) == "function" and runner or nil, completer_of(declaration.complete),
    lister_of(declaration.list)
end

return makers
