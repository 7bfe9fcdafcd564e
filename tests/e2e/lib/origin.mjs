// origin.mjs - servers that tools ask: one that answers as the path says, and one whose certificate nobody trusts.

import http from "node:http";
import https from "node:https";
import { once } from "node:events";
import zlib from "node:zlib";

const BOMB_MB = 64;
let bomb;

// 64 MB of zeros in some 64 KB, made once.
function gzipBomb() {
  bomb ??= zlib.gzipSync(Buffer.alloc(BOMB_MB << 20), { level: 9 });
  return bomb;
}

function late(res, ms) {
  const timer = setTimeout(() => res.end("late"), ms);
  res.on("close", () => clearTimeout(timer));
}

function drip(res) {
  res.writeHead(200, { "Content-Type": "text/plain" });
  const timer = setInterval(() => res.write("x"), 20);
  res.on("close", () => clearInterval(timer));
}

// Bytes without end, as fast as they are read.
function flood(res) {
  const part = Buffer.alloc(65536, 120);
  res.writeHead(200);
  const more = () => {
    while (!res.destroyed && res.write(part));
  };
  res.on("drain", more);
  more();
}

function answer(origin, req, res, body) {
  const [path, rest] = [req.url.split("?")[0], decodeURIComponent(req.url.split("?")[1] ?? "")];
  switch (path) {
    case "/text":
      return res.end("hello");
    case "/echo":
      return res.end(JSON.stringify({ method: req.method, url: req.url, headers: req.headers, body }));
    case "/to":
      res.writeHead(302, { Location: rest });
      return res.end("moved");
    case "/chunked":
      res.write("hel");
      return setImmediate(() => res.end("lo"));
    case "/gzip":
      res.writeHead(200, { "Content-Encoding": "gzip" });
      return res.end(zlib.gzipSync("hello"));
    case "/deflate":
      res.writeHead(200, { "Content-Encoding": "deflate" });
      return res.end(zlib.deflateSync("hello"));
    case "/bomb":
      res.writeHead(200, { "Content-Encoding": "gzip" });
      return res.end(gzipBomb());
    case "/nested-bomb":
      res.writeHead(200, { "Content-Encoding": "gzip, gzip" });
      return res.end(zlib.gzipSync(gzipBomb()));
    case "/broken-gzip":
      res.writeHead(200, { "Content-Encoding": "gzip" });
      return res.end("no gzip at all");
    case "/slow":
      return late(res, Number(rest));
    case "/drip":
      return drip(res);
    case "/flood":
      return flood(res);
    case "/drop":
      return req.socket.destroy();
    case "/cut":
      res.writeHead(200, { "Content-Length": 100 });
      res.write("hello");
      return setImmediate(() => req.socket.destroy());
    case "/stall":
      return origin.stalled.push(res);
    default:
      res.writeHead(404);
      return res.end("no such thing");
  }
}

function handler(origin) {
  return (req, res) => {
    let body = "";
    origin.requests.push(req.url);
    req.setEncoding("utf8").on("data", (part) => (body += part)).on("end", () => answer(origin, req, res, body));
    req.on("error", () => {});
    res.on("error", () => {});
  };
}

// -> { port, host, base, requests, connections, stalled, open(), close() }; closed after the test.
export async function startOrigin(t, { tls = false, host = "127.0.0.1" } = {}) {
  const origin = { host, requests: [], connections: 0, stalled: [], sockets: new Set() };
  const server = tls ? https.createServer({ key, cert }, handler(origin)) : http.createServer(handler(origin));
  server.keepAliveTimeout = 60_000;
  server.on("connection", (socket) => {
    origin.connections++;
    origin.sockets.add(socket);
    socket.on("error", () => {}).on("close", () => origin.sockets.delete(socket));
  });
  server.on("tlsClientError", () => {});
  server.listen(0, host);
  await once(server, "listening");
  origin.port = server.address().port;
  origin.authority = `${host.includes(":") ? `[${host}]` : host}:${origin.port}`;
  origin.base = `${tls ? "https" : "http"}://${origin.authority}`;
  t.after(() => {
    for (const socket of origin.sockets) socket.destroy();
    server.close();
  });
  return origin;
}

// For localhost and 127.0.0.1, signed by itself, for tests alone.
const cert = `-----BEGIN CERTIFICATE-----
MIIBmjCCAUGgAwIBAgIUb8apKSzCWEI3hXQwUgfZGXGfwlEwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyODExMzQwMloYDzIxMjYxMTA0
MTEzNDAyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAQ2Wc2Zu3WP7/G+faLsg+q1di0f367/lcyZuyKVN8EqK1WTXN/VoRxz
l4Kvn7a+JK6AAeuYpUb+sBaX3H4oJyEeo28wbTAdBgNVHQ4EFgQU7bcdo6CEt0Bg
XGhd/IIDaCS0FbwwHwYDVR0jBBgwFoAU7bcdo6CEt0BgXGhd/IIDaCS0FbwwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDRwAwRAIgIlnl1k5w1z2SvXGPZq1qOlKshT4llDppr24cnQN9KmUCIDHE
0TF511niFkQ4Ka9+22NgICnfme80hNKfn9j+VTCF
-----END CERTIFICATE-----
`;
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgHeNGzugVlfGVG+YW
04cviP9rOsSt/llqX9p2q7gXw4ihRANCAAQ2Wc2Zu3WP7/G+faLsg+q1di0f367/
lcyZuyKVN8EqK1WTXN/VoRxzl4Kvn7a+JK6AAeuYpUb+sBaX3H4oJyEe
-----END PRIVATE KEY-----
`;
