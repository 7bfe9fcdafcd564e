# gen-lua-api.awk - writes docs/lua-api.md from the comments of the functions that tools can call.
# A comment that begins with a signature (mcp.x.y(...), collection:get(...)) and stands before its
# function is taken: "/* ... */" in C, lines of "--" in Lua. docs/lua-api.in.md comes before.
# usage: awk -f docs/gen-lua-api.awk lua/api/*.c lua/vm/ctx.c lua/lib/mcp/*.lua >docs/lua-api.md

BEGIN {
    count = split("state cache index events jobs call fs exec git http url evals gates host json schema codec re time log metrics config spawn results offers ctx testing", order, " ")
    title["state"] = "mcp.state: durable collections"
    title["cache"] = "mcp.cache: values that all workers share"
    title["index"] = "mcp.index: full-text search"
    title["call"] = "mcp.call: other tools"
    title["events"] = "mcp.events: what subscribers are told"
    title["jobs"] = "mcp.jobs: background tasks"
    title["fs"] = "mcp.fs: files below the root"
    title["exec"] = "mcp.exec: programs"
    title["http"] = "mcp.http: requests to other servers"
    title["url"] = "mcp.url: building URLs and taking them apart"
    title["git"] = "mcp.git: a repository"
    title["evals"] = "mcp.evals: the evaluations of mcp.ini"
    title["gates"] = "mcp.gates: the gates of mcp.ini"
    title["host"] = "mcp.host: the machine and this process"
    title["json"] = "mcp.json"
    title["schema"] = "mcp.schema: JSON Schema"
    title["codec"] = "mcp.codec: digests and encodings"
    title["re"] = "mcp.re: regular expressions"
    title["time"] = "mcp.time"
    title["log"] = "mcp.log: the gateway's log"
    title["metrics"] = "mcp.metrics: what a tool counts for /metrics"
    title["config"] = "Settings and environment"
    title["spawn"] = "Several things at once"
    title["results"] = "What run may return"
    title["offers"] = "Prompts, resources and skills"
    title["ctx"] = "ctx: the call"
    title["testing"] = "mcp.testing: in files of tests"
}

# The part of text up to the bracket that closes the one at its begin.
function bracketed(text,    i, c, depth) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c ~ /[({[]/) depth++
        if (c ~ /[)}\]]/ && --depth == 0) return substr(text, 1, i)
    }
    return ""
}

function group_of(name,    part) {
    if (name ~ /^collection:/) return "state"
    if (name ~ /^index:/) return "index"
    if (name ~ /^job[:.]/) return "jobs"
    if (name ~ /^handle:/) return "spawn"
    if (name ~ /^(counter|gauge|histogram):/) return "metrics"
    if (name ~ /^response:/) return "http"
    if (name ~ /^ctx:/) return "ctx"
    split(name, part, ".")
    if (name ~ /^mcp\.(spawn|all|race)$/) return "spawn"
    if (name ~ /^mcp\.(prompt|resource|resource_template|skill|resources\.updated)$/) return "offers"
    if (part[2] == "config" || part[2] == "env") return "config"
    return (part[2] in title) ? part[2] : "results"
}

function add(text,    name, signature, rest) {
    gsub(/ +/, " ", text)
    if (!match(text, /^[A-Za-z0-9_.:]*[A-Za-z0-9_]/)) return
    name = signature = substr(text, 1, RLENGTH)
    rest = substr(text, RLENGTH + 1)
    if (rest ~ /^[({]/) {
        signature = signature bracketed(rest)
        rest = substr(rest, length(signature) - length(name) + 1)
    }
    sub(/^ -> /, " → ", rest)
    entries[group_of(name)] = entries[group_of(name)] "\n**`" signature "`**" rest "\n"
}

function is_signature(text) {
    return text ~ /^(mcp\.[a-z_]+[.({ ]|collection:|index:|job[:.][a-z]|handle:|counter:|gauge:|histogram:|response:|ctx:)/ && text !~ /^mcp\.[a-z_]+ /
}

# ---- C ----

FILENAME ~ /\.c$/ && pending != "" && NF {
    if ($0 ~ /^(static )?int (l_|mgl_)/) add(pending)
    pending = ""
}
FILENAME ~ /\.c$/ && !inside && /^\/\* / {
    text = substr($0, 4)
    inside = is_signature(text)
    if (inside) collected = ""
}
FILENAME ~ /\.c$/ && inside {
    line = $0
    sub(/^ ?\/?\*+ /, "", line)
    ends = sub(/ *\*\/ *$/, "", line)
    collected = collected (collected == "" ? "" : " ") line
    if (ends) {
        pending = collected
        inside = 0
    }
}

# ---- Lua ----

FILENAME ~ /\.lua$/ {
    line = $0
    is_comment = sub(/^---? /, "", line)
    if (is_comment && collecting == "" && is_signature(line)) collecting = line
    else if (is_comment && collecting != "") collecting = collecting " " line
    else if (collecting != "") {
        add(collecting)
        collecting = ""
    }
}

END {
    while ((getline line < "docs/lua-api.in.md") > 0) print line
    for (i = 1; i <= count; i++) {
        print ""
        print "## " title[order[i]]
        printf "%s", entries[order[i]]
    }
}
