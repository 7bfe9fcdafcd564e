-- encoding.lua - the bytes that a client's text stands for, in the encodings of the ops kit.
local mcp = require "mcp"

local encoding = {}

-- One byte a character. limit: the largest there is.
local function narrow(text, limit, name)
  if not text:find("[\x80-\xff]") then return text end
  local bytes = {}
  for _, code in utf8.codes(text) do
    if code > limit then
      return nil, ("contents hold U+%04X, which %s does not have"):format(code, name)
    end
    bytes[#bytes + 1] = string.char(code)
  end
  return table.concat(bytes)
end

local function utf16le(text)
  local bytes = {}
  for _, code in utf8.codes(text) do
    if code < 0x10000 then
      bytes[#bytes + 1] = string.pack("<I2", code)
    else
      code = code - 0x10000
      bytes[#bytes + 1] = string.pack("<I2I2", 0xD800 + (code >> 10), 0xDC00 + (code & 0x3FF))
    end
  end
  return table.concat(bytes)
end

-- Of either alphabet, with padding or without, in lines.
local function base64(text)
  local digits = text:gsub("%s+", ""):gsub("=+$", ""):gsub("%+", "-"):gsub("/", "_")
  local bytes = mcp.codec.unbase64url(digits)
  if not bytes then return nil, "contents are not base64" end
  return bytes
end

local function hex(text)
  local bytes = mcp.codec.unhex(text)
  if not bytes then return nil, "contents are not hex: digits in pairs" end
  return bytes
end

local function same(text) return text end

local decoders = {
  ["utf8"] = same, ["utf-8"] = same,
  ["ascii"] = function(text) return narrow(text, 0x7F, "ascii") end,
  ["latin1"] = function(text) return narrow(text, 0xFF, "latin1") end,
  ["base64"] = base64, ["hex"] = hex, ["utf16le"] = utf16le,
}

--- bytes; or nil, message. name: in any case.
function encoding.bytes(text, name)
  local decode = decoders[name:lower()]
  if not decode then
    return nil, ("Unknown encoding: %s (known: utf8, utf-8, ascii, latin1, base64, hex, utf16le)")
      :format(name)
  end
  return decode(text)
end

--- The bytes of a head that we put before contents in this encoding.
function encoding.head(text, name)
  local is_digits = name:lower() == "base64" or name:lower() == "hex"
  return encoding.bytes(text, is_digits and "utf8" or name)
end

--- How long the text is for JavaScript, in which the ops kit counted: in units of UTF-16.
function encoding.units(text)
  local n = 0
  for _, code in utf8.codes(text) do n = n + (code < 0x10000 and 1 or 2) end
  return n
end

return encoding
