-- template.lua - resources by the thousand: one template of URIs, whose variable read() is given,
-- decoded.
local mcp = require "mcp"

return mcp.resource_template {
  uriTemplate = "test://template/{id}/data",
  name        = "template",
  description = "The data of an id.",
  mimeType    = "application/json",
  complete    = { id = { "123", "456" } },
  read = function(vars)
    return mcp.json.encode {
      id = vars.id, templateTest = true, data = "Data for ID: " .. vars.id,
    }
  end,
}
