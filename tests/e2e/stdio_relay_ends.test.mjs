// stdio_relay_ends.test.mjs - how a relay ends, and when it gives up: nothing that its client asked stays
// without an answer.

import assert from "node:assert/strict";
import fs from "node:fs";
import net from "node:net";
import readline from "node:readline";
import test from "node:test";

import { Gateway } from "./lib/gateway.mjs";
import { Stdio, clean, modern, site } from "./lib/stdio.mjs";

const NOTED = "io.modelcontextprotocol/subscriptionId";

async function owner(t, options) {
  const gw = site(t, options);
  const first = new Stdio(t, gw);
  await first.request("ping");
  return { gw, first };
}

async function relaying(t, gw) {
  const s = new Stdio(t, gw);
  await s.said("relaying");
  return s;
}

async function listens(s, id) {
  s.send({ id, method: "subscriptions/listen", params: { notifications: { toolsListChanged: true }, _meta: modern } });
  await s.message((m) => m.method === "notifications/subscriptions/acknowledged" && m.params._meta[NOTED] === id);
}

// Once each, and in this order.
function wasEnded(s, id) {
  const about = s.messages.filter((m) => m.id === id || (m.method === "notifications/cancelled" && m.params.requestId === id));
  assert.deepEqual(about.map((m) => m.result?.resultType ?? m.method), ["complete", "notifications/cancelled"]);
}

// In the place of the owner's door: whoever comes is answered by `says`, a function of one request.
async function door(t, gw, says) {
  fs.unlinkSync(`${gw.statePath}.sock`);
  const sockets = new Set();
  const server = net.createServer((socket) => {
    sockets.add(socket.on("error", () => {}).once("close", () => sockets.delete(socket)));
    readline.createInterface({ input: socket }).on("error", () => {})
      .on("line", (line) => says(JSON.parse(line), socket));
  });
  await new Promise((resolve) => server.listen(`${gw.statePath}.sock`, resolve));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return server;
}

async function givesUp(s) {
  s.send({ id: "x", method: "ping" });
  await s.exited;
  assert.equal(s.exit.code, 1);
  assert.equal(s.messages.find((m) => m.id === "x").error.code, -32603);
}

test("a gateway that has no place for a relay, or is stopped, is given up", async (t) => {
  const ini = (more = "") => ({ ini: `[server]\ndrain_timeout = 0s\n${more}` });
  const full = await owner(t, ini("max_streams = 1\n"));
  const stopped = await owner(t, ini());
  stopped.first.child.kill("SIGSTOP");
  const [turnedAway, unanswered] = [new Stdio(t, full.gw), new Stdio(t, stopped.gw)];
  await Promise.all([givesUp(turnedAway), givesUp(unanswered)]);
  assert.match(full.first.stderr, /no place for a client/);
  assert.match(unanswered.stderr, /does not answer/);
});

test("an answer that is too long for a relay leaves nothing open", async (t) => {
  const { gw } = await owner(t);
  const piece = Buffer.alloc(1 << 24, "x");
  let visits = 0;
  await door(t, gw, ({ id, method }, socket) => {
    if (method === "ping") socket.write(`${JSON.stringify({ jsonrpc: "2.0", id, result: { visit: ++visits } })}\n`);
    else for (let i = 0; i < 17; i++) socket.write(piece);
  });
  const s = await relaying(t, gw);
  s.send({ id: "long", method: "tools/call", params: { name: "x" } });
  assert.equal((await s.answer("long")).error.code, -32603);
  const later = await s.request("ping");
  assert.equal(later.result.visit, 3, "by a connection that was made anew");
});

test("the part of an answer that came before the gateway died is not given on", async (t) => {
  const { gw } = await owner(t);
  let visits = 0;
  await door(t, gw, ({ id, method, params }, socket) => {
    const answer = JSON.stringify({ jsonrpc: "2.0", id, result: { visit: ++visits } });
    if (method === "ping") socket.write(`${answer}\n`);
    else socket.end(answer.slice(0, params.bytes));
  });
  const s = await relaying(t, gw);
  for (const bytes of [1, 20, undefined]) { // all of it, too: but for its end
    s.send({ id: `torn${bytes}`, method: "tools/call", params: { name: "x", bytes } });
    assert.equal((await s.answer(`torn${bytes}`)).error?.code, -32603);
    await s.request("ping");
  }
  assert.deepEqual(s.bad, []);
  assert.equal(s.messages.filter((m) => String(m.id).startsWith("torn")).length, 3, "one answer each");
});

const relays = {
  "a gateway elsewhere": async (t) => {
    const gw = await Gateway.start();
    t.after(() => gw.stop());
    const s = await relaying(t, gw);
    return s;
  },
  "one in its own process": async (t) => {
    const { gw, first } = await owner(t);
    const s = await relaying(t, gw);
    await first.end();
    await s.said("in the place of a process that is gone");
    await s.request("ping");
    return s;
  },
};

for (const [how, open] of Object.entries(relays))
  test(`a relay to ${how} that is told to end answers its subscriptions`, async (t) => {
    const s = await open(t);
    await listens(s, 5);
    s.child.kill("SIGTERM");
    await s.exited;
    assert.deepEqual(s.exit, clean);
    wasEnded(s, 5);
  });

test("a relay that is told to end while it looks for a gateway answers all that waits", async (t) => {
  const gw = await Gateway.start();
  t.after(() => gw.stop());
  const s = await relaying(t, gw);
  await listens(s, 5);
  await gw.kill();
  await s.said("is gone");
  s.send({ id: "late", method: "tools/list", params: { _meta: modern } });
  s.child.kill("SIGTERM");
  await s.exited;
  wasEnded(s, 5);
  assert.equal(s.messages.filter((m) => m.id === "late").length, 1);
});
