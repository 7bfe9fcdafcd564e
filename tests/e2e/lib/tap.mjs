// tap.mjs - hears what passes between the tests of a file and the gateways they start, and holds each
// message of a gateway to the specification's schema of its revision: at the end of the test that
// received it, which fails for one that does not fit. Where MOONGATE_TEST_SCHEMAS is not set nothing is
// judged, and `make e2e` says so.
//
// It changes nothing that passes. All of Node's clients (fetch, http, plain sockets, a child's pipes)
// are net.Socket in the end, so both directions are copied there: for connections to a port on which a
// gateway was said to listen, and for children that are `moongate stdio`. Clients that are processes of
// their own are heard by way of proxy.mjs. Active only in tests/e2e.

import assert from "node:assert/strict";
import { ChildProcess } from "node:child_process";
import fs from "node:fs";
import { Socket } from "node:net";
import { afterEach } from "node:test";

import { HttpWire } from "./http_wire.mjs";
import { Judge } from "./judge.mjs";
import { LineWire } from "./line_wire.mjs";
import { skip } from "./schemas.mjs";

const isActive = !skip && /\/tests\/e2e\/[^/]+\.test\.mjs$/.test(process.argv[1] ?? "");
const judge = isActive ? new Judge() : null;
const ports = new Set();
const wires = new Map(); // of sockets that are heard; null: of nobody's

// From now on connections to this port are heard.
export function tapPort(port) {
  ports.add(port);
}

// What a client and its `moongate stdio` have said to each other, kept in files, is judged next.
export function tapLines(sentPath, receivedPath) {
  const wire = new LineWire();
  wire.sent(fs.readFileSync(sentPath));
  wire.received(fs.readFileSync(receivedPath));
  wires.set({ destroyed: true }, wire);
}

// Fails for what was wrong since it was asked last; -> how many messages were judged until now.
export function tapCheck() {
  if (!judge) return 0;
  // What was asked on one connection may be answered on another.
  for (const wire of wires.values()) wire?.readSent(judge);
  for (const [socket, wire] of wires) {
    wire?.readReceived(judge);
    if (socket.destroyed) wires.delete(socket);
  }
  const problems = judge.take();
  assert.ok(problems.length === 0, `${problems.length} messages do not fit:\n${problems.slice(0, 5).join("\n")}`);
  return judge.judged;
}

// The first bytes decide: by then the socket knows where it is connected to.
function wireOf(socket) {
  if (!wires.has(socket)) {
    if (socket.remotePort === undefined) return null;
    wires.set(socket, ports.has(socket.remotePort) && !socket.server ? new HttpWire() : null);
  }
  return wires.get(socket);
}

function sent(socket, data, encoding) {
  const chunks = Array.isArray(data) ? data : [{ chunk: data, encoding }];
  for (const { chunk, encoding: how } of chunks)
    wireOf(socket)?.sent(typeof chunk === "string" ? Buffer.from(chunk, how) : Buffer.from(chunk));
}

function hear() {
  const { _writeGeneric, push } = Socket.prototype;
  Socket.prototype._writeGeneric = function (writev, data, encoding, done) {
    if (!this.connecting) sent(this, data, encoding); // else it is called again once connected
    return _writeGeneric.call(this, writev, data, encoding, done);
  };
  Socket.prototype.push = function (chunk, encoding) {
    if (chunk) wireOf(this)?.received(Buffer.from(chunk));
    return push.call(this, chunk, encoding);
  };
  const { spawn } = ChildProcess.prototype;
  ChildProcess.prototype.spawn = function (options) {
    const status = spawn.call(this, options);
    if (options.file === process.env.MOONGATE_BIN && options.args.includes("stdio") && this.stdin) {
      const wire = new LineWire();
      wires.set(this.stdin, wire);
      wires.set(this.stdout, wire);
    }
    return status;
  };
}

if (judge) {
  hear();
  afterEach(tapCheck);
  process.on("exit", () => {
    try {
      tapCheck();
    } catch (error) {
      console.error(error.message);
      process.exitCode = 1;
    }
  });
}
