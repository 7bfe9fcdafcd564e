# edges.awk - who may include whom. Reads the Makefile first: its below_X lines are the one table,
# so that what a layer may include is what its unit tests link.
# usage: awk -f edges.awk Makefile FILE...

function fail(reason) { printf "%s:%d: %s\n", FILENAME, FNR, reason; bad = 1 }

# The layer a source belongs to; "main" may include everything, "" is outside the layers. What the
# unit tests share may too: a test that takes more of it than its layer has does not link.
function layer_of(path, part) {
    split(path, part, "/")
    if (part[1] == "gateway") return (part[2] == "main.c" || part[2] == "cli") ? "main" : part[2]
    if (part[1] == "lua") return part[2]
    if (part[1] == "tests" && part[2] == "unit") return part[3] == "support" ? "main" : part[3]
    return ""
}

FNR == 1 { layer = layer_of(FILENAME); is_test = FILENAME ~ /^tests\// }

FILENAME == "Makefile" {
    if ($1 == "LAYERS") for (i = 3; i <= NF; i++) known[$i] = 1
    if ($1 !~ /^below_/) next
    name = substr($1, 7)
    sub(/:$/, "", name)
    for (i = 2; i <= NF; i++) {
        if ($i == ":=") continue
        if ($i ~ /^\$\(below_/) {
            other = $i
            gsub(/^\$\(below_|\)$/, "", other)
            for (key in below) {
                split(key, pair, SUBSEP)
                if (pair[1] == other) inherited[name, pair[2]] = 1
            }
            for (key in inherited) below[key] = 1
        } else {
            below[name, $i] = 1
        }
    }
    next
}

!/^[ \t]*#[ \t]*include/ || layer == "" { next }

# System headers that one folder keeps to itself.
/<lua\.h>|<lauxlib\.h>|<lualib\.h>/ && layer != "vm" && layer != "api" { fail("<lua.h> outside lua/") }
/<pcre2\.h>/ && layer != "schema" && layer != "api" { fail("<pcre2.h> outside gateway/schema and lua/api") }
/<sqlite3\.h>/ && layer != "index" && layer != "kit" { fail("<sqlite3.h> outside gateway/index and gateway/kit") }
/<microhttpd\.h>/ && layer != "http" { fail("<microhttpd.h> outside gateway/http") }
/<curl\// && layer != "io" { fail("<curl/...> outside gateway/io") }
/<hiredis\// && FILENAME !~ /redis/ { fail("<hiredis/...> outside the redis files") }

/"/ {
    header = $0
    sub(/^[^"]*"/, "", header)
    sub(/".*$/, "", header)
    if (header !~ /\//) {
        if (!is_test) fail("\"" header "\" is not written from the tree's top")
        next
    }
    target = header
    sub(/\/.*$/, "", target)
    if (layer == "main" || target == layer || (layer, target) in below) next
    if (is_test && !(target in known)) next
    fail((target in known) ? layer " may not include " target : "unknown layer " target)
}

END { exit bad }
