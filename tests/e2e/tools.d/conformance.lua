-- conformance.lua - the tools that the official conformance suite expects of a server under test.
local mcp = require "mcp"

local PNG = mcp.codec.unbase64("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dw"
  .. "HwAFBQIAX8jx0gAAAABJRU5ErkJggg==")
local WAV = mcp.codec.unbase64("UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA=")

-- Every keyword in it must come back as it stands here.
local DIALECT = [[{"$schema":"https://json-schema.org/draft/2020-12/schema","type":"object",
  "$defs":{"address":{"$anchor":"addressDef","type":"object",
    "properties":{"street":{"type":"string"},"city":{"type":"string"}}}},
  "properties":{"name":{"type":"string"},"address":{"$ref":"#/$defs/address"},
    "contactMethod":{"type":"string","enum":["phone","email"]},
    "phone":{"type":"string"},"email":{"type":"string"}},
  "allOf":[{"anyOf":[{"required":["phone"]},{"required":["email"]}]}],
  "if":{"properties":{"contactMethod":{"const":"phone"}},"required":["contactMethod"]},
  "then":{"required":["phone"]},"else":{"required":["email"]},"additionalProperties":false}]]

local function tool(name, run, input)
  return mcp.tool {
    name = name,
    description = "A fixture of the conformance suite.",
    input = input or { type = "object", properties = {} },
    run = run,
  }
end

local function embedded(uri, mime, text)
  return mcp.embed { uri = uri, mime = mime, text = text }
end

local function with_progress(_, ctx)
  for _, done in ipairs { 0, 50, 100 } do
    ctx:progress(done, 100, ("Completed step %d of 100"):format(done))
    mcp.time.sleep(0.05)
  end
  return "done"
end

local function with_logging(_, ctx)
  for _, text in ipairs { "started", "processing data", "completed" } do
    ctx:log("info", "Tool execution " .. text)
    mcp.time.sleep(0.05)
  end
  return "done"
end

return {
  tool("test_simple_text", function() return "This is a simple text response for testing." end),
  tool("test_image_content", function() return mcp.content { mcp.image(PNG, "image/png") } end),
  tool("test_audio_content", function() return mcp.content { mcp.audio(WAV, "audio/wav") } end),
  tool("test_embedded_resource", function()
    return mcp.content {
      embedded("test://embedded-resource", "text/plain", "This is an embedded resource content."),
    }
  end),
  tool("test_multiple_content_types", function()
    return mcp.content {
      mcp.text("Multiple content types test:"),
      mcp.image(PNG, "image/png"),
      embedded("test://mixed-content-resource", "application/json",
        [[{"test":"data","value":123}]]),
    }
  end),
  tool("test_error_handling", function()
    return mcp.fail("This tool intentionally returns an error for testing")
  end),
  tool("test_tool_with_progress", with_progress),
  tool("test_tool_with_logging", with_logging),
  tool("test_logging_tool", function(_, ctx)
    ctx:log("info", "not for who did not ask")
    return "done"
  end),
  tool("test_reconnection", function(_, ctx)
    ctx:close_stream { retry = "500ms" }
    mcp.time.sleep(0.1)
    return "Reconnection test completed successfully."
  end),
  tool("test_streaming_elicitation", function() return "done" end),
  tool("json_schema_2020_12_tool", function() return "done" end, DIALECT),
  -- What an intermediary routes by stands in headers as well: Mcp-Param-Region and so on.
  tool("test_custom_headers", function(args) return args end, {
    type = "object",
    properties = {
      region = { type = "string", ["x-mcp-header"] = "Region" },
      priority = { type = "integer", ["x-mcp-header"] = "Priority" },
      verbose = { type = "boolean", ["x-mcp-header"] = "Verbose" },
    },
    required = { "region" },
  }),
}
