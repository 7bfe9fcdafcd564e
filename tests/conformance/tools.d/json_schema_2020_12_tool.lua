-- json_schema_2020_12_tool.lua - a schema as a text of JSON: clients get every byte of it, and
-- every keyword is enforced before run() is called. A table would do as well (see
-- test_custom_headers).
local mcp = require "mcp"

local INPUT = [[{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "$defs": {
    "address": {
      "$anchor": "addressDef",
      "type": "object",
      "properties": { "street": { "type": "string" }, "city": { "type": "string" } }
    }
  },
  "properties": {
    "name": { "type": "string" },
    "address": { "$ref": "#/$defs/address" },
    "contactMethod": { "type": "string", "enum": ["phone", "email"] },
    "phone": { "type": "string" },
    "email": { "type": "string" }
  },
  "allOf": [{ "anyOf": [{ "required": ["phone"] }, { "required": ["email"] }] }],
  "if": {
    "properties": { "contactMethod": { "const": "phone" } },
    "required": ["contactMethod"]
  },
  "then": { "required": ["phone"] },
  "else": { "required": ["email"] },
  "additionalProperties": false
}]]

return mcp.tool {
  name        = "json_schema_2020_12_tool",
  description = "Take arguments that a schema with conditions and references describes.",
  input       = INPUT,
  run         = function(args) return args end,
}
