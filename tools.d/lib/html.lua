-- html.lua - a page's title, and its text as people read it.
local html = {}

local function set(names)
  local out = {}
  for name in names:gmatch("%S+") do out[name] = true end
  return out
end

local SKIPPED = set "script style noscript template svg head"
local BLOCK = set [[address article aside blockquote br dd div dl dt fieldset figure footer form
  h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table td th tr ul]]
local ENTITIES = {
  amp = "&", lt = "<", gt = ">", quot = '"', apos = "'", nbsp = " ", ndash = "\u{2013}",
  mdash = "\u{2014}", hellip = "\u{2026}", lsquo = "\u{2018}", rsquo = "\u{2019}",
  ldquo = "\u{201C}", rdquo = "\u{201D}", copy = "\u{A9}", reg = "\u{AE}", trade = "\u{2122}",
  bull = "\u{2022}", middot = "\u{B7}", euro = "\u{20AC}",
}

local function character(code)
  local is_one = code and code >= 1 and code <= 0x10FFFF and (code < 0xD800 or code >= 0xE000)
  if not is_one then return "\u{FFFD}" end
  return utf8.char(code)
end

-- Entities of a text without tags.
local function decode(text)
  return (text:gsub("&(#?)([%w]+);", function(hash, name)
    if hash == "" then return ENTITIES[name] end
    local hex = name:match("^[xX](%x+)$")
    if hex then return #hex <= 6 and character(tonumber(hex, 16)) or "\u{FFFD}" end
    return #name <= 7 and character(tonumber(name, 10)) or "\u{FFFD}"
  end))
end

-- The name of the tag that begins at `at` ("<p", "</p"), whether it ends one, and where it ends;
-- nil where "<" is only a character.
local function tag_at(page, at)
  local slash, name = page:match("^<(/?)(%a[%w]*)", at)
  if not name then return nil end
  local last = at + 1 + #slash + #name
  while true do                                   -- a ">" in quotes is none
    local stop = page:find("[>\"']", last)
    if not stop then return name:lower(), slash == "/", #page end
    local mark = page:sub(stop, stop)
    if mark == ">" then return name:lower(), slash == "/", stop end
    local close = page:find(mark, stop + 1, true)
    if not close then return name:lower(), slash == "/", #page end
    last = close + 1
  end
end

-- Where the element that was opened before `from` ends: behind its closing tag.
local function skip(page, name, from)
  local at = from
  while true do
    local open = page:find("</", at, true)
    if not open then return #page end
    -- The end is looked for only where the name is the one: it may be far.
    if (page:match("^</(%a%w*)", open) or ""):lower() == name then
      local _, _, last = tag_at(page, open)
      return last
    end
    at = open + 2
  end
end

-- Lines without blanks at their ends, at most one empty one in a row.
local function tidy(text)
  local lines = {}
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    line = line:gsub("[ \t\r\f]+", " "):gsub("^ ", ""):gsub(" $", "")
    if line ~= "" or (lines[#lines] ~= "" and #lines > 0) then lines[#lines + 1] = line end
  end
  if lines[#lines] == "" then lines[#lines] = nil end
  return table.concat(lines, "\n")
end

local HEADING = { h1 = "# ", h2 = "## ", h3 = "### ", h4 = "#### ", h5 = "##### ", h6 = "###### " }

local function marker(name, is_end)
  if is_end then return BLOCK[name] and name ~= "li" and "\n" or "" end
  if HEADING[name] then return "\n\n" .. HEADING[name] end
  if name == "li" then return "\n- " end
  if name == "p" then return "\n\n" end
  if name == "td" or name == "th" then return " " end
  return BLOCK[name] and "\n" or ""
end

--- The page's text, with headings and lists marked as Markdown has them.
function html.text(page)
  local parts, at = {}, 1
  while at <= #page do
    local open = page:find("<", at, true) or #page + 1
    if open > at then parts[#parts + 1] = decode(page:sub(at, open - 1):gsub("%s+", " ")) end
    if open > #page then break end
    local name, is_end, last = tag_at(page, open)
    if page:sub(open, open + 3) == "<!--" then
      local _, stop = page:find("-->", open + 4, true)
      last = stop or #page
    elseif page:sub(open, open + 1) == "<!" or page:sub(open, open + 1) == "<?" then
      last = page:find(">", open, true) or #page
    elseif not name then
      parts[#parts + 1], last = "<", open
    elseif SKIPPED[name] and not is_end then
      last = skip(page, name, last + 1)
    else
      parts[#parts + 1] = marker(name, is_end)
    end
    at = last + 1
  end
  return tidy(table.concat(parts))
end

--- What stands in its title element, on one line; nil: there is none.
function html.title(page)
  local head = page:sub(1, 65536)
  local open = head:lower():find("<title", 1, true)
  local from = open and head:find(">", open, true)
  local stop = from and head:lower():find("</title", from, true)
  if not stop then return nil end
  local title = decode(head:sub(from + 1, stop - 1)):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  return title ~= "" and title or nil
end

return html
