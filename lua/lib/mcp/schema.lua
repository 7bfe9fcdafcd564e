-- schema.lua - builders of JSON Schema: each returns a plain table, as mcp.tool's input takes it.
-- Given: the module's table, to be completed, and json.null. Runs for each tool file.
local module, null = ...

local optional_meta = { __metatable = false }

local ANNOTATIONS = { title = "string", description = "string", default = "any", examples = "table",
  deprecated = "boolean", readOnly = "boolean", writeOnly = "boolean" }
local WORDS = {
  string = { minLength = "count", maxLength = "count", pattern = "string", format = "string",
    const = "string", contentEncoding = "string", contentMediaType = "string" },
  number = { minimum = "number", maximum = "number", exclusiveMinimum = "number",
    exclusiveMaximum = "number", multipleOf = "number", const = "number" },
  boolean = { const = "boolean" },
  array = { minItems = "count", maxItems = "count", uniqueItems = "boolean" },
  object = { minProperties = "count", maxProperties = "count", additionalProperties = "boolean" },
  enum = {}, any = {},
}
WORDS.integer = WORDS.number

local function fits(value, kind)
  if kind == "any" then return true end
  if kind == "count" then return math.type(value) == "integer" and value >= 0 end
  return type(value) == kind
end

local function is_optional(x) return getmetatable(x) == false and rawget(x, "optional") ~= nil end

-- A schema where one is wanted; level: of the builder's caller.
local function check_schema(x, what)
  if type(x) ~= "table" then
    error("schema." .. what .. ": expected a schema, got " .. type(x), 3)
  end
  if is_optional(x) then
    error("schema." .. what .. ": optional(...) says something of an object's property only", 3)
  end
  return x
end

-- A new schema of that type with what options say.
local function build(name, json_type, options)
  local schema = { type = json_type }
  if options == nil then return schema end
  if type(options) ~= "table" then
    error("schema." .. name .. ": expected a table of keywords, got " .. type(options), 3)
  end
  for word, value in next, options do
    local kind = WORDS[name][word] or ANNOTATIONS[word]
    if not kind then error("schema." .. name .. ": unknown keyword " .. tostring(word), 3) end
    if not fits(value, kind) then
      error("schema." .. name .. ": " .. word .. ": expected a " .. kind .. ", got " .. type(value),
        3)
    end
    schema[word] = value
  end
  return schema
end

--- mcp.schema.string([keywords]) -> schema. keywords: minLength, maxLength, pattern, format, const,
-- contentEncoding, contentMediaType; and for every builder title, description, default, examples,
-- deprecated, readOnly and writeOnly. Another one raises. A schema is a plain table with JSON
-- Schema's own names: what has no builder can be written beside.
function module.string(keywords) return build("string", "string", keywords) end

--- mcp.schema.integer([keywords]) -> schema. keywords: minimum, maximum, exclusiveMinimum,
-- exclusiveMaximum, multipleOf, const.
function module.integer(keywords) return build("integer", "integer", keywords) end

--- mcp.schema.number([keywords]) -> schema. As integer.
function module.number(keywords) return build("number", "number", keywords) end

--- mcp.schema.boolean([keywords]) -> schema.
function module.boolean(keywords) return build("boolean", "boolean", keywords) end

--- mcp.schema.any([keywords]) -> schema that every value fits.
function module.any(keywords) return build("any", nil, keywords) end

--- mcp.schema.array(of [, keywords]) -> schema of a list whose items fit the schema `of`. keywords:
-- minItems, maxItems, uniqueItems.
function module.array(of, keywords)
  check_schema(of, "array")
  local schema = build("array", "array", keywords)
  schema.items = of
  return schema
end

--- mcp.schema.map(of [, keywords]) -> schema of an object with any names, whose values fit `of`.
-- keywords: minProperties, maxProperties.
function module.map(of, keywords)
  check_schema(of, "map")
  local schema = build("object", "object", keywords)
  if schema.additionalProperties ~= nil then
    error("schema.map: additionalProperties is what it makes", 2)
  end
  schema.additionalProperties = of
  return schema
end

--- mcp.schema.enum{value, ...} -> schema that these values fit: strings, numbers, booleans.
-- Keywords stand beside the values: enum{ "a", "b", default = "a" }.
function module.enum(values)
  if type(values) ~= "table" or #values == 0 then
    error("schema.enum: expected a list of values", 2)
  end
  local list, keywords, kind = {}, {}, type(values[1])
  for i = 1, #values do
    local value = values[i]
    if type(value) ~= "string" and type(value) ~= "number" and type(value) ~= "boolean" then
      error("schema.enum: value " .. i .. ": expected a string, a number or a boolean", 2)
    end
    if type(value) ~= kind then kind = nil end
    list[i] = value
  end
  for key, value in next, values do
    if math.type(key) ~= "integer" or key < 1 or key > #list then keywords[key] = value end
  end
  local schema = build("enum", kind, keywords)
  schema.enum = list
  return schema
end

--- mcp.schema.nullable(schema) -> schema that null fits as well.
function module.nullable(of)
  check_schema(of, "nullable")
  if type(of.type) ~= "string" or of.const ~= nil then
    return { anyOf = { of, { type = "null" } } }
  end
  local schema = {}
  for word, value in next, of do schema[word] = value end
  schema.type = { of.type, "null" }
  if of.enum then
    schema.enum = { table.unpack(of.enum) }
    schema.enum[#schema.enum + 1] = null
  end
  return schema
end

--- mcp.schema.optional(schema) -> what schema.object takes for a property that may be absent.
function module.optional(of)
  check_schema(of, "optional")
  return setmetatable({ optional = of }, optional_meta)
end

--- mcp.schema.object(properties [, keywords]) -> schema of an object. properties: names and their
-- schemas, { who = schema.string(), times = schema.optional(schema.integer()) }. All are required
-- but the optional ones and those with a default. keywords: minProperties, maxProperties,
-- additionalProperties (false).
function module.object(properties, keywords)
  if type(properties) ~= "table" then
    error("schema.object: expected a table of properties, got " .. type(properties), 2)
  end
  local schema, required = build("object", "object", keywords), {}
  schema.properties = {}
  for name, property in next, properties do
    if type(name) ~= "string" then error("schema.object: a property's name is a string", 2) end
    if type(property) ~= "table" then
      error("schema.object: " .. name .. ": expected a schema, got " .. type(property), 2)
    end
    local of = is_optional(property) and property.optional or property
    if of == property and of.default == nil then required[#required + 1] = name end
    schema.properties[name] = of
  end
  table.sort(required)
  if #required > 0 then schema.required = required end
  if schema.additionalProperties == nil then schema.additionalProperties = false end
  return schema
end
