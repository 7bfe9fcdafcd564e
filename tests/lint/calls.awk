# calls.awk - calls that are not made here, and descriptors that would leak into children.
# usage: awk -f calls.awk FILE...

function fail(reason) { printf "%s:%d: %s\n", FILENAME, first, reason; bad = 1 }

BEGIN {
    n = split("system popen gets strcpy strcat sprintf vsprintf strtok rand srand asctime ctime " \
        "accept pipe dup dup2 epoll_create inotify_init signalfd_old vfork tmpnam tempnam mktemp " \
        "mkstemp alloca setenv putenv cJSON_InitHooks", banned, " ")
    # Each of these takes a flag that closes the descriptor on exec.
    m = split("open openat socket socketpair accept4 pipe2 eventfd epoll_create1 timerfd_create " \
        "inotify_init1 memfd_create mkostemp dup3 signalfd", flagged, " ")
}

FNR == 1 {
    statement = ""
    in_comment = has_flags = 0
    is_test = FILENAME ~ /^tests\//
}

# A constant of the file that carries the flag.
/flags *=.*CLOEXEC/ { has_flags = 1 }

# Without comments and strings' contents, joined up to the end of the statement.
{
    line = $0
    if (in_comment) {
        if (!sub(/^.*\*\//, "", line)) next
        in_comment = 0
    }
    gsub(/\/\*([^*]|\*[^\/])*\*\//, " ", line)
    if (sub(/\/\*.*$/, "", line)) in_comment = 1
    sub(/\/\/.*$/, "", line)
    is_fopen_e = line ~ /fopen\([^;]*"[rwa+b]*e[rwa+b]*"/
    gsub(/"([^"\\]|\\.)*"/, "\"\"", line)
    if (statement == "") first = FNR
    statement = statement " " line
    if (line !~ /[;{}]/) next
}

{
    text = statement
    statement = ""
    if (is_test) next
    for (i = 1; i <= n; i++)
        if (text ~ "(^|[^A-Za-z0-9_.>])" banned[i] " *\\(") fail(banned[i] "() is not used here")
    for (i = 1; i <= m; i++)
        if (text ~ "(^|[^A-Za-z0-9_.>])" flagged[i] " *\\(" && text !~ /CLOEXEC|cloexec/ &&
            !(has_flags && text ~ /flags/))
            fail(flagged[i] "() without a CLOEXEC flag")
    if (text ~ /(^|[^A-Za-z0-9_])fopen *\(/ && !is_fopen_e) fail("fopen() without the mode e")
}

END { exit bad }
