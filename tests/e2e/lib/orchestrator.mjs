// orchestrator.mjs - the server behind the url of an [eval NAME], as a small real one.

import { once } from "node:events";
import http from "node:http";

export const json = (res, status, value) => {
  res.writeHead(status, { "Content-Type": "application/json" });
  res.end(JSON.stringify(value));
};

// A server whose answers are in on.POST, on.GET, on.DELETE (req, res, body, how often the method was asked before); all
// requests are kept: { method, url, headers, body }.
export async function startOrchestrator(t, on) {
  const o = { requests: [], on };
  const sockets = new Set();
  o.of = (method) => o.requests.filter((r) => r.method === method);
  const server = http.createServer((req, res) => {
    let body = "";
    res.on("error", () => {});
    req.on("error", () => {});
    req.setEncoding("utf8").on("data", (part) => (body += part)).on("end", () => {
      const before = o.of(req.method).length;
      o.requests.push({ method: req.method, url: req.url, headers: req.headers, body });
      (o.on[req.method] ?? ((_, r) => json(r, 200, {})))(req, res, body, before);
    });
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => sockets.delete(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  o.url = `http://127.0.0.1:${server.address().port}/jobs`;
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return o;
}
