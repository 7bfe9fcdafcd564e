-- ask.lua - questions to the client: ctx:elicit, elicit_url, sample, roots, ask, once.
-- Given: the table of ctx's methods, to be completed, and the primitives of vm/ask.c.
-- Runs once for each Lua state; no tool can reach what is in here.
local methods, raw = ...

local KEY_MAX = 64
local MAX_TRIES = 3             -- of a question whose answer is none

local function fail(level, ...) error(table.concat({ ... }), level + 1) end

local function check_key(key, name, level)
  if type(key) ~= "string" or #key > KEY_MAX or not key:find("^[%w_.-]+$") then
    fail(level + 1, name, ": expected a key of 1 to ", KEY_MAX, " letters, digits, _ . -")
  end
end

local function check_fields(value, known, name, level)
  if type(value) ~= "table" then fail(level + 1, name, ": expected a table, got ", type(value)) end
  for key in next, value do
    if not known[key] then fail(level + 1, name, ": unknown field ", tostring(key)) end
  end
end

local function check_text(value, name, level)
  if type(value) ~= "string" or value == "" then
    fail(level + 1, name, ": expected a text, got ", value == "" and "an empty one" or type(value))
  end
end

-- ---- forms: the part of JSON Schema that clients can show ----

local FORMATS = { email = true, uri = true, date = true, ["date-time"] = true }
local takes = {}                -- each: value -> what is sent, or nil

function takes.text(value) return type(value) == "string" and value or nil end
function takes.number(value) return math.type(value) and value or nil end
function takes.count(value) return math.type(value) == "integer" and value >= 0 and value or nil end
function takes.format(value) return FORMATS[value] and value or nil end

function takes.boolean(value)
  if type(value) == "boolean" then return value end
  return nil
end

function takes.texts(value)
  if type(value) ~= "table" then return nil end
  local list = {}
  for i = 1, #value do
    if type(value[i]) ~= "string" then return nil end
    list[i] = value[i]
  end
  return raw.list(list)
end

function takes.choices(value)
  local list = takes.texts(value)
  return list and #list > 0 and list or nil
end

-- { { const = "a", title = "A" }, ... }
function takes.titled(value)
  if type(value) ~= "table" or #value == 0 then return nil end
  local list = {}
  for i = 1, #value do
    local item = value[i]
    if type(item) ~= "table" or type(item.const) ~= "string" or type(item.title) ~= "string" then
      return nil
    end
    list[i] = { const = item.const, title = item.title }
  end
  return raw.list(list)
end

function takes.items(value)
  if type(value) ~= "table" then return nil end
  local enum, any = takes.choices(value.enum), takes.titled(value.anyOf)
  if enum and value.type == "string" then return { type = "string", enum = enum } end
  return any and { anyOf = any } or nil
end

local EXPECTED = {
  text = "a text", number = "a number", count = "a whole number", boolean = "true or false",
  format = "email, uri, date or date-time", texts = "a list of texts",
  choices = "a list of texts, at least one", titled = "a list of { const =, title = }",
  items = "{ type = \"string\", enum = {...} } or { anyOf = { { const =, title = }, ... } }",
}
local NUMBER = { minimum = "number", maximum = "number", default = "number" }
local WORDS = {
  string = { minLength = "count", maxLength = "count", format = "format", default = "text",
    enum = "choices", enumNames = "choices", oneOf = "titled" },
  number = NUMBER, integer = NUMBER,
  boolean = { default = "boolean" },
  array = { minItems = "count", maxItems = "count", items = "items", default = "texts" },
}
local FOR_ALL = { title = "text", description = "text" }

local function property_of(schema, name, level)
  local words = type(schema) == "table" and WORDS[schema.type]
  if not words then
    fail(level + 1, name, ": a form has texts, numbers, booleans and choices only: ",
      "expected a schema whose type is string, number, integer, boolean or array")
  end
  local sent = { type = schema.type }
  for word, value in next, schema do
    local kind = words[word] or FOR_ALL[word]
    if word ~= "type" then
      if not kind then
        fail(level + 1, name, ": ", tostring(word), " is not for a form's ", schema.type)
      end
      sent[word] = takes[kind](value)
      if sent[word] == nil then fail(level + 1, name, ".", word, ": expected ", EXPECTED[kind]) end
    end
  end
  if schema.type == "array" and not sent.items then
    fail(level + 1, name, ": a choice of several has items: ", EXPECTED.items)
  end
  if sent.enumNames and (not sent.enum or #sent.enum ~= #sent.enumNames) then
    fail(level + 1, name, ".enumNames: expected a name for each of enum")
  end
  return sent
end

local FORM = { type = true, properties = true, required = true, additionalProperties = true,
  title = true, description = true, ["$schema"] = true }

-- As it is sent; additionalProperties = false is meant in any case.
local function form_of(schema, name, level)
  level = level + 1
  check_fields(schema, FORM, name, level)
  if schema.type ~= "object" or type(schema.properties) ~= "table" then
    fail(level, name, ": expected { type = \"object\", properties = {...} }")
  end
  if schema.additionalProperties then fail(level, name, ": a form has no additionalProperties") end
  local properties = raw.object({})
  for key, property in next, schema.properties do
    if type(key) ~= "string" then fail(level, name, ": a property's name is a text") end
    properties[key] = property_of(property, name .. "." .. key, level)
  end
  local form = { type = "object", properties = properties }
  if schema.required ~= nil then
    form.required = takes.texts(schema.required)
    if not form.required then fail(level, name, ".required: expected a list of texts") end
    for _, key in ipairs(form.required) do
      if not properties[key] then fail(level, name, ".required: there is no property ", key) end
    end
  end
  return form
end

-- ---- what is asked ----

local ELICIT = { message = true, schema = true }
local ELICIT_URL = { message = true, url = true }
local kinds = {}                -- each: what the tool says, name, level -> method, params

function kinds.elicit(what, name, level)
  level = level + 1
  check_fields(what, ELICIT, name, level)
  check_text(what.message, name .. ": message", level)
  return "elicitation/create",
    { message = what.message, requestedSchema = form_of(what.schema, name .. ": schema", level) }
end

function kinds.elicit_url(what, name, level)
  level = level + 1
  check_fields(what, ELICIT_URL, name, level)
  check_text(what.message, name .. ": message", level)
  check_text(what.url, name .. ": url", level)
  if not what.url:find("^https?://[^%s%c]+$") then
    fail(level, name, ": url: expected http://... or https://...")
  end
  return "elicitation/create", { mode = "url", message = what.message, url = what.url }
end

local BLOCKS = { text = true, image = true, audio = true, tool_use = true, tool_result = true }

-- One block, or a list of them.
local function is_content(value)
  if type(value) ~= "table" then return false end
  if value.type ~= nil then return BLOCKS[value.type] == true end
  for i = 1, #value do
    if type(value[i]) ~= "table" or not BLOCKS[value[i].type] then return false end
  end
  return #value > 0
end

function kinds.sample(what, name, level)
  level = level + 1
  if type(what) ~= "table" then fail(level, name, ": expected a table, got ", type(what)) end
  if type(what.messages) ~= "table" or #what.messages == 0 then
    fail(level, name, ": messages: expected a list of messages")
  end
  for i, message in ipairs(what.messages) do
    if type(message) ~= "table" or (message.role ~= "user" and message.role ~= "assistant")
      or not is_content(message.content) then
      fail(level, name, ": message ", i, ": expected { role = \"user\" or \"assistant\", ",
        "content = a block or a list of blocks } of the types text, image, audio, tool_use, ",
        "tool_result")
    end
  end
  if math.type(what.maxTokens) ~= "integer" or what.maxTokens < 1 then
    fail(level, name, ": maxTokens: expected a whole number from 1 on")
  end
  return "sampling/createMessage", what
end

function kinds.roots() return "roots/list", raw.object({}) end

local function question_of(kind, key, what, level)
  level = level + 1
  local name = "ctx:" .. kind
  check_key(key, name, level)
  local method, params = kinds[kind](what, name, level)
  local text, message = raw.encode(params)
  if not text then fail(level, name, ": ", message) end
  local form = params.requestedSchema
  return { key, method, text, kind = kind, properties = form and form.properties }
end

-- ---- what is answered ----

-- Only what was asked for.
local function answer_of(question, answer)
  if question.kind == "roots" then return answer.roots end
  if question.kind == "sample" then return answer end
  if answer.action ~= "accept" or question.kind == "elicit_url" then
    return { action = answer.action }
  end
  local content, given = raw.object({}), answer.content or {}
  for key in next, question.properties do content[key] = given[key] end
  return { action = "accept", content = content }
end

local function ask_all(ctx, questions)
  local answers, left = {}, questions
  for _ = 1, MAX_TRIES do
    local got, message, code = raw.ask(ctx, left)
    if not got then return nil, message, code end
    local missing = {}
    for _, question in ipairs(left) do
      local answer = got[question[1]]
      if answer == nil then
        missing[#missing + 1] = question
      else
        answers[question[1]] = answer_of(question, answer)
      end
    end
    if #missing == 0 then return answers end
    left = missing
  end
  return nil, "what the client answers to " .. left[1][1] .. " is no answer to it", "INVALID"
end

local function ask_one(ctx, kind, key, what)
  local question = question_of(kind, key, what, 2) -- behind tail calls
  local answers, message, code = ask_all(ctx, { question })
  if not answers then return nil, message, code end
  return answers[key]
end

--- ctx:elicit(key, {message=, schema=}) -> {action=, content=}, or nil, message, code (w). Asks the
-- person in front of the client to fill in a form. schema: an object whose properties are texts
-- (minLength, maxLength, format; enum, or oneOf = {{const=, title=}, ...}), numbers (minimum,
-- maximum), booleans, and lists of choices (items with enum or anyOf, minItems, maxItems), each
-- with title, description and default; no other, nothing nested: else it raises. action: "accept",
-- "decline" or "cancel"; content, with "accept" only, fits the schema. key names the question
-- within the call. Code UNSUPPORTED: this client cannot be asked that; FAILED: it answers with an
-- error; INVALID: three times what was no answer; TIMEOUT: none within [tools] ask_timeout;
-- TOO_LARGE. With clients of 2026-07-28 the call ends here and run begins anew once there is an
-- answer (see docs/tool-authors.md): change something only behind the last question, or in
-- ctx:once.
function methods.elicit(ctx, key, what) return ask_one(ctx, "elicit", key, what) end

--- ctx:elicit_url(key, {message=, url=}) -> {action=}, or nil, message, code (w). Asks the person
-- to open a page, for what must not pass through the client, such as a password. "accept" says
-- that it was opened, not that anything was done there.
function methods.elicit_url(ctx, key, what) return ask_one(ctx, "elicit_url", key, what) end

--- ctx:sample(key, params) -> {role=, content=, model=, stopReason=}, or nil, message, code (w).
-- Asks the client's model. params as in the protocol: messages = {{role=, content=mcp.text(...)}},
-- maxTokens, systemPrompt, temperature, modelPreferences, tools, ... A list of blocks as content,
-- and blocks of the types tool_use and tool_result, are UNSUPPORTED by clients up to 2025-06-18,
-- audio by those of 2024-11-05.
function methods.sample(ctx, key, params) return ask_one(ctx, "sample", key, params) end

--- ctx:roots(key) -> list of {uri=, name=}, or nil, message, code (w). The folders that the client
-- works in.
function methods.roots(ctx, key) return ask_one(ctx, "roots", key, true) end

--- ctx:ask{ KEY = {elicit = {...}}, KEY = {sample = {...}}, KEY = {roots = true}, ... } -> the
-- answers by key, or nil, message, code (w). Several questions at once, at most 32: elicit,
-- elicit_url, sample and roots take what the functions of these names take.
function methods.ask(ctx, list)
  if type(list) ~= "table" or next(list) == nil then
    error("ctx:ask: expected a table of questions by their keys", 2)
  end
  local keys, questions = {}, {}
  for key, what in next, list do
    check_key(key, "ctx:ask", 2)
    local kind = type(what) == "table" and next(what)
    if not kinds[kind] or next(what, kind) ~= nil then
      error("ctx:ask: " .. key .. ": expected one of elicit, elicit_url, sample, roots", 2)
    end
    keys[#keys + 1] = key
  end
  if #keys > raw.max_questions then
    error("ctx:ask: at most " .. raw.max_questions .. " questions at once", 2)
  end
  table.sort(keys)
  local bytes = 0
  for i, key in ipairs(keys) do
    local kind, what = next(list[key])
    questions[i] = question_of(kind, key, what, 2)
    bytes = bytes + #questions[i][3]
  end
  if bytes > raw.max_bytes then
    error("ctx:ask: questions of at most " .. raw.max_bytes .. " bytes at once", 2)
  end
  return ask_all(ctx, questions)
end

--- ctx:once(key, fn) -> what fn() returned, one value that JSON can hold (w). Where a call begins
-- anew with the answer to a question, fn is not called again and its value is there again: for
-- ids, random numbers, long searches, and for changes that must be made once. What fn raises, and
-- nil with a message, is not kept. In all 256 KB for each call, with the answers.
function methods.once(ctx, key, fn)
  check_key(key, "ctx:once", 2)
  if type(fn) ~= "function" then error("ctx:once: expected a function, got " .. type(fn), 2) end
  local is_there, value = raw.recall(ctx, key)
  if is_there then return value end
  local message, code
  value, message, code = fn()
  if value == nil and message ~= nil then return nil, message, code end
  local ok, why = raw.remember(ctx, key, value)
  if not ok then error("ctx:once: " .. key .. ": " .. why, 2) end
  return select(2, raw.recall(ctx, key))
end
