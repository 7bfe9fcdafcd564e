// tls.test.mjs - which servers mcp.http trusts: those of the authorities in SSL_CERT_FILE, under the name that their
// certificate says.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import fs from "node:fs";
import https from "node:https";
import os from "node:os";
import path from "node:path";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";

const ask = `
local mcp = require "mcp"
return mcp.tool {
  name = "ask", description = "x", input = { type = "object" }, needs = { "http" },
  run = function(options)
    local response, message, code = mcp.http.request(options)
    if not response then return { message = message, code = code } end
    return response
  end,
}`;

// An authority, and a certificate that it gives to localhost.
function certificates(t) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-tls-"));
  t.after(() => fs.rmSync(dir, { recursive: true, force: true }));
  const at = (name) => path.join(dir, name);
  const openssl = (...args) => execFileSync("openssl", args, { stdio: "pipe" });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl("req", "-x509", ...key, "-keyout", at("ca.key"), "-out", at("ca.pem"), "-subj", "/CN=Authority", "-days", "2");
  openssl("req", ...key, "-keyout", at("key.pem"), "-out", at("csr.pem"), "-subj", "/CN=localhost");
  fs.writeFileSync(at("ext"), "subjectAltName = DNS:localhost\n");
  openssl("x509", "-req", "-in", at("csr.pem"), "-CA", at("ca.pem"), "-CAkey", at("ca.key"), "-CAcreateserial",
    "-out", at("cert.pem"), "-days", "2", "-extfile", at("ext"));
  return { ca: at("ca.pem"), missing: at("missing.pem"), key: fs.readFileSync(at("key.pem")), cert: fs.readFileSync(at("cert.pem")) };
}

async function serve(t, { key, cert }) {
  const server = https.createServer({ key, cert }, (_, res) => res.end("hello"));
  server.on("tlsClientError", () => {}); // who does not trust us hangs up
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return server.address().port;
}

async function start(t, port, env) {
  const gw = await Gateway.start({
    ini: `[tool ask]\nhttp = localhost:${port}, 127.0.0.1:${port}\nallow_private = yes\n`, tools: { "ask.lua": ask }, env,
  });
  t.after(() => gw.stop());
  return async (host) => (await gw.call("ask", { url: `https://${host}:${port}/` })).value;
}

test("an authority of one's own is trusted, for the name that it certified", async (t) => {
  const made = certificates(t);
  const get = await start(t, await serve(t, made), { SSL_CERT_FILE: made.ca });
  const response = await get("localhost");
  assert.deepEqual([response.status, response.body], [200, "hello"], JSON.stringify(response));
  assert.deepEqual(await get("127.0.0.1"), { message: "127.0.0.1: its certificate is for another host", code: "TLS" });
});

test("an authority that nobody named is not", async (t) => {
  const made = certificates(t);
  const get = await start(t, await serve(t, made), {});
  assert.deepEqual(await get("localhost"), { message: "localhost: its certificate is not trusted", code: "TLS" });
});

test("a file of authorities that is not there trusts nobody", async (t) => {
  const made = certificates(t);
  const get = await start(t, await serve(t, made), { SSL_CERT_FILE: made.missing });
  assert.deepEqual(await get("localhost"), { message: "localhost: the certificates to trust cannot be read", code: "TLS" });
});
