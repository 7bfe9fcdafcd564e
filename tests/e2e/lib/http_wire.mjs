// http_wire.mjs - the bytes of one HTTP/1.1 connection, both ways, as requests and what answered each.

import { parseJson } from "./json.mjs";
import { parseEvents } from "./sse.mjs";

export class HttpWire {
  #sent = [];
  #received = [];
  #requests = []; // not answered yet, oldest first; null: what was sent is no HTTP
  #told = 0; // events of the answer under way that were judged
  #isLost = false; // nothing can be told from what comes

  sent(bytes) {
    this.#sent.push(bytes);
  }

  received(bytes) {
    if (!this.#isLost) this.#received.push(bytes);
  }

  // Gives judge all that was sent since.
  readSent(judge) {
    let bytes = Buffer.concat(this.#sent);
    for (;;) {
      const head = headOf(bytes);
      const match = head && /^([A-Z]+) (\S+) HTTP\/1\.[01]$/.exec(head.first);
      if (!match) break;
      const body = bodyOf(bytes.subarray(head.end), head.headers, false);
      if (!body.isWhole) break;
      const [path, query] = match[2].split("?");
      const request = { method: match[1], path, query: new URLSearchParams(query), headers: head.headers,
        body: parseJson(body.data.toString("utf8")) };
      judge.request(request);
      this.#requests.push(request);
      bytes = bytes.subarray(head.end + body.used);
    }
    this.#sent = [bytes];
  }

  // And all that came.
  readReceived(judge) {
    let bytes = Buffer.concat(this.#received);
    for (;;) {
      const head = headOf(bytes);
      if (!head) break;
      const status = Number(head.first.split(" ")[1]);
      if (!/^HTTP\/1\.1 \d{3} /.test(`${head.first} `)) {
        this.#isLost = true;
        break;
      }
      if (status === 100) {
        bytes = bytes.subarray(head.end);
        continue;
      }
      const request = this.#requests[0] ?? null;
      const isEmpty = request?.method === "HEAD" || status === 204 || status === 304;
      const body = isEmpty ? { isWhole: true, used: 0, data: Buffer.alloc(0) }
        : bodyOf(bytes.subarray(head.end), head.headers, true);
      this.#judgeAnswer(judge, request, { status, headers: head.headers }, body);
      if (!body.isWhole) break;
      this.#requests.shift();
      this.#told = 0;
      bytes = bytes.subarray(head.end + body.used);
    }
    this.#received = [bytes];
  }

  #judgeAnswer(judge, request, answer, body) {
    const type = answer.headers["content-type"] ?? "";
    if (type.startsWith("text/event-stream")) {
      const text = body.data.toString("utf8");
      const events = parseEvents(body.isWhole ? text : text.slice(0, text.lastIndexOf("\n\n") + 2));
      for (const event of events.slice(this.#told)) judge.event(request, answer, event);
      this.#told = events.length;
    } else if (body.isWhole) {
      judge.answer(request, answer, body.data.toString("utf8"));
    }
  }
}

// -> { first line, headers by lower-case name, end }, or null while it is not there.
function headOf(bytes) {
  let start = 0;
  while (bytes[start] === 13 || bytes[start] === 10) start++;
  const end = bytes.indexOf("\r\n\r\n", start);
  if (end < 0) return null;
  const [first, ...lines] = bytes.subarray(start, end).toString("latin1").split("\r\n");
  const headers = {};
  for (const line of lines) {
    const colon = line.indexOf(":");
    headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
  }
  return { first, headers, end: end + 4 };
}

function bodyOf(bytes, headers, isAnswer) {
  if (/chunked/i.test(headers["transfer-encoding"] ?? "")) return dechunk(bytes);
  const length = headers["content-length"] ?? (isAnswer ? Infinity : 0);
  const used = Math.min(Number(length), bytes.length);
  return { isWhole: bytes.length >= Number(length), used, data: bytes.subarray(0, used) };
}

// What is there of it, whole or not.
function dechunk(bytes) {
  const parts = [];
  for (let at = 0; ; ) {
    const end = bytes.indexOf("\r\n", at);
    const size = end < 0 ? NaN : parseInt(bytes.subarray(at, end).toString("latin1"), 16);
    if (!(bytes.length >= end + 2 + size + 2)) return { isWhole: false, used: 0, data: Buffer.concat(parts) };
    parts.push(bytes.subarray(end + 2, end + 2 + size));
    at = end + 2 + size + 2;
    if (size === 0) return { isWhole: true, used: at, data: Buffer.concat(parts) };
  }
}
