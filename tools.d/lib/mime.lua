-- mime.lua - the media type of a file, by its name.
local mime = {}

local TYPES = {
  c = "text/x-c", h = "text/x-c", cc = "text/x-c++", cpp = "text/x-c++", hpp = "text/x-c++",
  css = "text/css", csv = "text/csv", go = "text/x-go", htm = "text/html", html = "text/html",
  ini = "text/plain", java = "text/x-java", js = "text/javascript", json = "application/json",
  jsx = "text/javascript", lua = "text/x-lua", md = "text/markdown", mjs = "text/javascript",
  pdf = "application/pdf", png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg",
  gif = "image/gif", svg = "image/svg+xml", py = "text/x-python", rb = "text/x-ruby",
  rs = "text/x-rust", sh = "text/x-shellscript", sql = "application/sql",
  toml = "application/toml", ts = "text/typescript", tsx = "text/typescript",
  txt = "text/plain", xml = "application/xml", yaml = "application/yaml",
  yml = "application/yaml", zip = "application/zip",
}

function mime.of(path)
  local extension = path:match("%.([%w]+)$")
  return extension and TYPES[extension:lower()] or "text/plain"
end

return mime
