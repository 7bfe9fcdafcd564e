#!/bin/sh
# smoke.sh - does this gateway serve what a pipeline needs? Starts it on a free port with an empty
# folder and a key of its own, calls its tools as the ops kit's CI did, and stops it. Needs curl and
# jq. Exit code 0, or 1 with what went wrong.
# usage: config/ci/smoke.sh [PROGRAM] [MCP.INI]
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")/../.." && pwd -P)
program=${1:-$here/build/moongate}
ini=${2:-$here/mcp.ini}
patience=${SMOKE_PATIENCE:-30} # seconds that anything may take

for need in curl jq; do
    command -v "$need" >/dev/null || { echo "smoke: $need is missing" >&2; exit 1; }
done

work=$(mktemp -d)
gateway=
mkdir "$work/repo"
printf '# A note\n\nWords for the smoke test: marzipan.\n' >"$work/repo/note.md"
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

stop() {
    [ -z "$gateway" ] || kill "$gateway" 2>/dev/null || true
    [ -z "$gateway" ] || wait "$gateway" 2>/dev/null || true
    rm -rf "$work"
}
trap stop EXIT
trap 'exit 1' INT TERM HUP

fail() {
    echo "smoke: $*" >&2
    echo "smoke: the log ends with:" >&2
    tail -n 20 "$work/log" >&2
    exit 1
}

# ---- start -------------------------------------------------------------------------------------

MOONGATE_SERVER_PORT=0 MOONGATE_AUTH_KEYS=$key MOONGATE_PATHS_ROOT=$work/repo \
    MOONGATE_STATE_PATH=$work/state.json MOONGATE_LOG_FORMAT=json \
    "$program" -c "$ini" 2>"$work/log" &
gateway=$!

# Runs a command once every tenth of a second until it succeeds.
await() {
    what=$1
    shift
    tries=$((patience * 10))
    until "$@"; do
        kill -0 "$gateway" 2>/dev/null || fail "$what: the gateway has ended"
        tries=$((tries - 1))
        [ "$tries" -gt 0 ] || fail "$what: not within $patience seconds"
        sleep 0.1
    done
}

port_of() {
    port=$(jq -Rr 'fromjson? | select(.msg == "listening") | .port' "$work/log" | head -n 1)
    [ -n "$port" ]
}
await "no port in the log" port_of
base=http://127.0.0.1:$port

is_ready() { curl -sf --max-time "$patience" -o /dev/null -I "$base/readyz"; }
await "not ready" is_ready

# ---- calls -------------------------------------------------------------------------------------

# rpc METHOD PARAMS: the result, or the end with the error.
rpc() {
    body=$(jq -cn --arg method "$1" --argjson params "$2" \
        '{jsonrpc: "2.0", id: 1, method: $method, params: $params}')
    answer=$(curl -sS --max-time "$patience" -X POST "$base/mcp" -H 'Content-Type: application/json' \
        -H "X-API-Key: $key" --data-binary "$body") || fail "$1: no answer"
    message=$(printf '%s' "$answer" | jq -r '
        if .error then "\(.error.code) \(.error.message)"
        elif .result.isError == true then "\(.result.content[0].text)"
        elif .result == null then "an answer without a result" else empty end') \
        || fail "$1: the answer is no JSON: $answer"
    [ -z "$message" ] || fail "$1 $2: $message"
    result=$(printf '%s' "$answer" | jq -c .result)
}

# call TOOL ARGUMENTS: the object that the tool returned, in $value.
call() {
    rpc tools/call "$(jq -cn --arg name "$1" --argjson args "$2" '{name: $name, arguments: $args}')"
    value=$(printf '%s' "$result" | jq -er '.content[0].text | fromjson | tojson') \
        || fail "$1: its text is no JSON: $result"
}

# member FILTER: of $value, as text.
member() { printf '%s' "$value" | jq -r "$1"; }

expect() { # FILTER: true of $value
    [ "$(member "$1")" = true ] || fail "$2: expected $1, got $value"
}

has() { printf '%s' "$tools" | jq -e --arg name "$1" 'index($name) != null' >/dev/null; }

unauthorized=$(curl -s --max-time "$patience" -o /dev/null -w '%{http_code}' -X POST "$base/mcp" \
    -H 'Content-Type: application/json' -d '{"jsonrpc":"2.0","id":1,"method":"tools/list"}')
[ "$unauthorized" = 401 ] || fail "without a key: expected 401, got $unauthorized"

rpc tools/list '{}'
tools=$(printf '%s' "$result" | jq -c '[.tools[].name]')
has search && has fetch && has run_eval && has status || fail "tools are missing: $tools"

# The index is made in the background.
is_found() {
    call search '{"query": "marzipan"}'
    [ "$(member '.ids | length > 0')" = true ]
}
await "search finds nothing" is_found

id=$(printf 'note.md' | base64)
call fetch "$(jq -cn --arg id "lukhas-path:$id" '{id: $id}')"
expect '.text | contains("marzipan")' fetch

if has create_file && has apply_patch && has delete_file; then
    call create_file '{"path": "smoke.txt", "contents": "one\ntwo\n"}'
    sum=$(sha256sum "$work/repo/smoke.txt" | cut -c 1-64)
    call apply_patch "$(jq -cn --arg sha "$sum" '{path: "smoke.txt", expectSha256: $sha,
        patch: "--- a/smoke.txt\n+++ b/smoke.txt\n@@ -1,2 +1,2 @@\n one\n-two\n+three\n"}')"
    grep -q three "$work/repo/smoke.txt" || fail "apply_patch: the file is as it was"
    call delete_file "$(jq -cn --arg sha "$(member .sha256)" '{path: "smoke.txt", expectSha256: $sha}')"
    [ ! -e "$work/repo/smoke.txt" ] || fail "delete_file: the file is still there"
fi

call run_eval '{"taskId": "matriz.quick", "configId": "default"}'
job=$(member .jobId)
is_over() {
    call status "$(jq -cn --arg job "$job" '{jobId: $job}')"
    case $(member .status) in
        COMPLETED | DRY_RUN) return 0 ;;
        QUEUED | RUNNING) return 1 ;;
        *) fail "the evaluation ended as $(member .status): $value" ;;
    esac
}
await "the evaluation does not end" is_over

# A late subscriber gets what happened already: open, and at least one event more. The stream stays
# open, so curl is stopped by its time.
curl -sN --max-time 3 -H "X-API-Key: $key" "$base/sse?topic=job/$job" >"$work/events" || true
events=$(grep -c '^event:' "$work/events") || true
[ "${events:-0}" -ge 2 ] || fail "the stream of $job brought ${events:-0} events"

# ---- stop --------------------------------------------------------------------------------------

kill "$gateway"
code=0
wait "$gateway" || code=$?
gateway_was=$gateway
gateway=
[ "$code" -eq 0 ] || fail "the gateway (process $gateway_was) ended with $code"
echo "smoke: $(printf '%s' "$tools" | jq length) tools listed, all calls answered"
