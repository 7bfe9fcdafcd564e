# doors.awk - the few doors into Lua: one file each may call these.
# usage: awk -f doors.awk FILE...

BEGIN { n = split("lua_resume lua_pcall lua_pcallk lua_sethook", door, " ") }

FILENAME !~ /^lua\// || /^ *(\/?\*|\/\/)/ { next }

{
    for (i = 1; i <= n; i++) {
        if ($0 !~ "(^|[^A-Za-z0-9_])" door[i] " *\\(") continue
        name = door[i] == "lua_pcallk" ? "lua_pcall" : door[i]
        if (!(name in owner)) owner[name] = FILENAME
        if (owner[name] == FILENAME) continue
        printf "%s:%d: %s is called in %s already\n", FILENAME, FNR, door[i], owner[name]
        bad = 1
    }
}

END { exit bad }
