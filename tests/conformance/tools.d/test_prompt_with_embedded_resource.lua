-- test_prompt_with_embedded_resource.lua - two messages, one of them a resource.
local mcp = require "mcp"

return mcp.prompt {
  name        = "test_prompt_with_embedded_resource",
  description = "A resource, and what to do with it.",
  arguments   = { { name = "resourceUri", description = "The resource's URI", required = true } },
  run = function(args)
    return {
      mcp.embed {
        uri  = args.resourceUri,
        mime = "text/plain",
        text = "Embedded resource content for testing.",
      },
      "Please process the embedded resource above.",
    }
  end,
}
