// raw.mjs - a TCP connection that sends exactly the bytes it is given, for requests that no HTTP
// client would make, and for clients that stop reading.

import net from "node:net";

import { slowness } from "./env.mjs";

// -> Raw, connected. options: { port, host = "127.0.0.1" }.
export async function openRaw({ port, host = "127.0.0.1" }) {
  const socket = net.connect({ port, host, noDelay: true, allowHalfOpen: true });
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return new Raw(socket);
}

export class Raw {
  received = Buffer.alloc(0); // what has come and no response() has taken yet
  isClosed = false; // the other side will send nothing more
  error = null;

  #changed = () => {};

  constructor(socket) {
    this.socket = socket;
    socket.on("data", (data) => {
      this.received = Buffer.concat([this.received, data]);
      this.#changed();
    });
    const ended = (error) => {
      this.error ??= error instanceof Error ? error : null;
      this.isClosed = true;
      this.#changed();
    };
    socket.on("end", ended).on("error", ended).on("close", ended);
  }

  send(data) {
    this.socket.write(data);
    return this;
  }

  // Ends our side only; half of the tests of smuggling want to see what still comes.
  end() {
    this.socket.end();
    return this;
  }

  destroy() {
    this.socket.destroy();
  }

  // Stops reading, so that the other side's buffers fill.
  pause() {
    this.socket.pause();
  }

  // Resolves once `ready` gives something that is not undefined, asked whenever bytes have come.
  async #until(ready, what, limitMs) {
    const deadline = Date.now() + limitMs;
    for (;;) {
      const value = ready();
      if (value !== undefined) return value;
      const left = deadline - Date.now();
      if (left <= 0) throw new Error(`${what}: nothing after ${limitMs} ms`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, left);
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  // The next response with Content-Length, chunked or neither (then up to the close);
  // -> { status, headers, body }, headers by lower-case name. null when it closed before one came.
  response(limitMs = 10_000 * slowness) {
    return this.#until(() => this.#take(), "response", limitMs);
  }

  // Status and headers of the next response, which is not taken: those of a stream, or of a HEAD.
  head(limitMs = 10_000 * slowness) {
    return this.#until(() => this.#head(), "head", limitMs);
  }

  // Resolves when the other side has closed; with the bytes that no response() took.
  closed(limitMs = 10_000 * slowness) {
    return this.#until(() => (this.isClosed ? this.received : undefined), "close", limitMs);
  }

  #head() {
    const end = this.received.indexOf("\r\n\r\n");
    if (end < 0) return this.isClosed ? null : undefined;
    const [first, ...lines] = this.received.subarray(0, end).toString("latin1").split("\r\n");
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(first.split(" ")[1]), headers, end: end + 4 };
  }

  #take() {
    const head = this.#head();
    if (!head) return head;
    const { status, headers, end } = head;
    const body = this.#body(this.received.subarray(end), headers, status);
    if (!body) return this.isClosed ? null : undefined;
    this.received = body.rest;
    return { status, headers, body: body.data.toString("utf8") };
  }

  #body(bytes, headers, status) {
    if (status === 204 || status === 304 || status === 100) return { data: "", rest: bytes };
    if (headers["transfer-encoding"] === "chunked") return dechunk(bytes);
    const length = headers["content-length"];
    if (length === undefined)
      return this.isClosed ? { data: bytes, rest: Buffer.alloc(0) } : undefined;
    if (bytes.length < Number(length)) return undefined;
    return { data: bytes.subarray(0, Number(length)), rest: bytes.subarray(Number(length)) };
  }
}

function dechunk(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at);
    if (end < 0) return undefined;
    const size = parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (bytes.length < end + 2 + size + 2) return undefined;
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
    if (size === 0) return { data: Buffer.concat(parts), rest: bytes.subarray(at) };
  }
}
