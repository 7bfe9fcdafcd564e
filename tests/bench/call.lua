-- call.lua - the one request that every measured server answers; for wrk.
wrk.method = "POST"
wrk.path = "/mcp"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"
wrk.headers["X-API-Key"] = "bench-key-000000000000000000000000"
wrk.body = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
  .. '{"name":"echo","arguments":{"message":"hello from the bench"}}}'

-- One line of JSON for the caller: calls, microseconds, errors, latencies in microseconds.
function done(summary, latency)
  local e = summary.errors
  io.write(("BENCH {\"calls\":%d,\"us\":%d,\"errors\":%d,\"p50\":%d,\"p99\":%d}\n"):format(
    summary.requests, summary.duration, e.connect + e.read + e.write + e.status + e.timeout,
    latency:percentile(50), latency:percentile(99)))
end
