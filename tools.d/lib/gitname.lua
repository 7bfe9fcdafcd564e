-- gitname.lua - names that git refuses to store, because a file system somewhere takes them for
-- .git: a single such file would keep everything else from being committed.
local gitname = {}

-- What HFS+ does not see in a name.
local function without_ignorable(name)
  return (name:gsub("\226\128[\140-\143\170-\174]", ""):gsub("\226\129[\170-\175]", "")
    :gsub("\239\187\191", ""))
end

-- NTFS drops dots and blanks at the end, takes what follows ":" for a stream of the file, and knows
-- .git by a short name as well.
local function is_dotgit(name)
  local lower = name:lower()
  local rest = lower:match("^%.git(.*)$") or lower:match("^git~1(.*)$")
  if rest and (rest:match("^[. ]*$") or rest:match("^[. ]*:")) then return true end
  return without_ignorable(lower) == ".git"
end

--- Does git refuse this path, relative to the root? To NTFS a backslash parts names as well.
function gitname.is_refused(path)
  for name in path:gmatch("[^/\\]+") do
    if is_dotgit(name) then return true end
  end
  return false
end

return gitname
