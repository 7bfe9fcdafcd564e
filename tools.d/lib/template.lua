-- template.lua - what stands at the head of a new file.
local template = {}

local function title(path)
  return path:match("[^/]*$")
end

local heads = {
  python = function(path)
    local head = '#!/usr/bin/env python3\n"""%s"""\n\nfrom __future__ import annotations\n\n'
    return head:format(title(path))
  end,
  javascript = function(path)
    return ('"use strict";\n\n/** %s */\n\n'):format(title(path))
  end,
  typescript = function(path)
    return ("/** %s */\n\n"):format(title(path))
  end,
  markdown = function(path)
    return ("# %s\n\n"):format(title(path):gsub("%.%w+$", ""))
  end,
}

--- "" for a template that there is none of. name: in any case, or nil.
function template.head(name, path)
  local head = name and heads[name:lower()]
  return head and head(path) or ""
end

return template
