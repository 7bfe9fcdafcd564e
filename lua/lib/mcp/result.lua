-- result.lua - what a tool may return besides plain values.
-- Given: the primitives of api_result.c. Returns the functions that join mcp itself.
local raw = ...

local builders = {}

local function check(value, expected, what)
  if type(value) ~= expected then
    error(what .. ": expected a " .. expected .. ", got " .. type(value), 3)
  end
  return value
end

-- Copies the options that names allow into block, under the names that the protocol has for them.
local function take_options(block, options, names, what)
  for name, value in pairs(options) do
    local wire = names[name]
    if not wire then error(what .. ": unknown option " .. tostring(name), 3) end
    if wire ~= true then block[wire] = value end
  end
  return block
end

local BLOCK_OPTIONS = { annotations = "annotations", meta = "_meta" }

--- mcp.text(s [, {annotations=, meta=}]) -> block.
function builders.text(text, options)
  local block = { type = "text", text = check(text, "string", "mcp.text") }
  return take_options(block, options or {}, BLOCK_OPTIONS, "mcp.text")
end

local function media(kind)
  return function(bytes, mime, options)
    check(bytes, "string", "mcp." .. kind)
    check(mime, "string", "mcp." .. kind .. ": MIME type")
    local block = { type = kind, data = raw.base64(bytes), mimeType = mime }
    return take_options(block, options or {}, BLOCK_OPTIONS, "mcp." .. kind)
  end
end

--- mcp.image(bytes, mime [, {annotations=, meta=}]) -> block.
builders.image = media("image")

--- mcp.audio(bytes, mime [, {annotations=, meta=}]) -> block.
builders.audio = media("audio")

local LINK_OPTIONS = {
  uri = "uri", name = "name", title = "title", description = "description", mime = "mimeType",
  size = "size", annotations = "annotations", icons = "icons", meta = "_meta",
}

--- mcp.link{uri=, name=, title=, description=, mime=, size=, annotations=, icons=, meta=} -> block:
-- a resource that the client may read.
function builders.link(options)
  check(options, "table", "mcp.link")
  check(options.uri, "string", "mcp.link: uri")
  check(options.name, "string", "mcp.link: name")
  return take_options({ type = "resource_link" }, options, LINK_OPTIONS, "mcp.link")
end

local EMBED_OPTIONS = {
  uri = true, text = true, blob = true, mime = true, annotations = "annotations", meta = "_meta",
}

--- mcp.embed{uri=, text= or blob=, mime=, annotations=, meta=} -> block: a resource itself. blob is
-- bytes, which travel as base64.
function builders.embed(options)
  check(options, "table", "mcp.embed")
  local resource = { uri = check(options.uri, "string", "mcp.embed: uri"), mimeType = options.mime }
  if options.blob ~= nil then
    if options.text ~= nil then error("mcp.embed: text and blob exclude each other", 2) end
    resource.blob = raw.base64(check(options.blob, "string", "mcp.embed: blob"))
  else
    resource.text = check(options.text, "string", "mcp.embed: text")
  end
  local block = { type = "resource", resource = resource }
  return take_options(block, options, EMBED_OPTIONS, "mcp.embed")
end

--- mcp.content{block, ..., structured=, meta=} -> what run returns to send these blocks.
function builders.content(blocks)
  check(blocks, "table", "mcp.content")
  local content = { structured = blocks.structured, meta = blocks.meta }
  for key, block in pairs(blocks) do
    if key ~= "structured" and key ~= "meta" then
      local is_block = type(block) == "table" and type(block.type) == "string"
      if math.type(key) ~= "integer" or not is_block then
        error("mcp.content: expected blocks, structured and meta; got " .. tostring(key), 2)
      end
      content[key] = block
    end
  end
  return raw.mark_content(content)
end

--- mcp.fail(message [, data]) -> what run returns for a result with isError. It does not raise.
-- data, an object, goes beside the message as structuredContent.
function builders.fail(message, data)
  return raw.mark_fail({ message = check(message, "string", "mcp.fail"), data = data })
end

return builders
