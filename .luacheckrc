-- The Lua sources use no globals, and define none.
std = "lua54"
max_line_length = 100
cache = false
self = false
exclude_files = { "tests/node_modules" }

-- wrk runs this one, and gives and takes its own names.
files["tests/bench/call.lua"] = { globals = { "wrk", "done" } }

-- Rows of a table of cases stand on a line each.
files["tools.d/*_test.lua"] = { max_line_length = 140 }
