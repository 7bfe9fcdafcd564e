-- conformance_offers.lua - the prompts and resources that the official conformance suite expects.
local mcp = require "mcp"

local PNG = mcp.codec.unbase64("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8Dw"
  .. "HwAFBQIAX8jx0gAAAABJRU5ErkJggg==")

local function prompt(name, run, arguments, complete)
  return mcp.prompt {
    name = name, description = "A fixture of the conformance suite.",
    arguments = arguments, complete = complete, run = run,
  }
end

local function resource(name, mime, read)
  return mcp.resource {
    uri = "test://" .. name, name = name, description = "A fixture of the conformance suite.",
    mimeType = mime, read = read,
  }
end

return {
  prompt("test_simple_prompt", function() return "This is a simple prompt for testing." end),
  prompt("test_prompt_with_arguments", function(args)
    return ("Prompt with arguments: arg1='%s', arg2='%s'"):format(args.arg1, args.arg2)
  end, { { name = "arg1", description = "The first", required = true },
    { name = "arg2", description = "The second", required = true } },
    { arg1 = { "testValue1", "testValue2" } }),
  prompt("test_prompt_with_embedded_resource", function(args)
    return {
      mcp.embed { uri = args.resourceUri, mime = "text/plain",
        text = "Embedded resource content for testing." },
      "Please process the embedded resource above.",
    }
  end, { { name = "resourceUri", required = true } }),
  prompt("test_prompt_with_image", function()
    return { mcp.image(PNG, "image/png"), "Please analyze the image above." }
  end),
  resource("static-text", "text/plain", function()
    return "This is the content of the static text resource."
  end),
  resource("static-binary", "image/png", function() return { blob = PNG } end),
  resource("watched-resource", "text/plain", function() return "Nothing happens here." end),
  mcp.resource_template {
    uriTemplate = "test://template/{id}/data", name = "template",
    description = "A fixture of the conformance suite.", mimeType = "application/json",
    read = function(vars)
      local data = { id = vars.id, templateTest = true, data = "Data for ID: " .. vars.id }
      return mcp.json.encode(data)
    end,
  },
}
