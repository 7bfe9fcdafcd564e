// sse.mjs - event streams: whole texts, and live ones read event by event.

import { slowness } from "./env.mjs";
import { parseJson } from "./json.mjs";

// Events of a text that has ended: [{ event, data, id }]; comments are left out.
export function parseEvents(text) {
  return text.split("\n\n").map(parseEvent).filter(Boolean);
}

function parseEvent(block) {
  const found = { event: "message", data: [] };
  for (const line of block.split("\n")) {
    const match = /^(event|data|id): ?(.*)$/.exec(line);
    if (!match) continue;
    if (match[1] === "data") found.data.push(match[2]);
    else found[match[1]] = match[2];
  }
  return found.data.length ? { ...found, data: found.data.join("\n") } : null;
}

// Opens a stream; -> { status, headers, next(), until(), comments, close() } or, when the answer is
// no event stream, { status, headers, text }. options: { key, headers, method, body, limitMs }.
export async function openEventStream(url, options = {}) {
  const controller = new AbortController();
  const limitMs = options.limitMs ?? 15_000 * slowness;
  const starting = setTimeout(() => controller.abort(new Error(`no answer: ${url}`)), limitMs);
  const answered = fetch(url, {
    method: options.method ?? "GET",
    headers: {
      Accept: "text/event-stream",
      ...(options.key ? { "X-API-Key": options.key } : {}),
      ...options.headers,
    },
    body: options.body,
    signal: controller.signal,
  });
  const res = await answered.finally(() => clearTimeout(starting));
  const { status, headers } = res;
  if (!(headers.get("content-type") ?? "").startsWith("text/event-stream"))
    return { status, headers, text: await res.text(), close() {} };

  const stream = new EventStream(res.body, controller, limitMs);
  // fetch cancels the body of a response that is collected before anybody reads: hence `res`.
  return Object.assign(stream, { status, headers, res });
}

// subscriptions/listen of a modern client with that filter.
export function openSubscription(url, notifications, { id = 5, ...options } = {}) {
  const meta = "io.modelcontextprotocol/";
  return openEventStream(url, {
    method: "POST", ...options,
    headers: {
      Accept: "application/json, text/event-stream", "Content-Type": "application/json",
      "MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "subscriptions/listen",
    },
    body: JSON.stringify({ jsonrpc: "2.0", id, method: "subscriptions/listen", params: {
      notifications, _meta: { [`${meta}protocolVersion`]: "2026-07-28", [`${meta}clientCapabilities`]: {} },
    } }),
  });
}

class EventStream {
  comments = 0; // keep-alive lines so far

  #blocks;
  #controller;
  #limitMs;

  constructor(body, controller, limitMs) {
    this.#controller = controller;
    this.#limitMs = limitMs;
    this.#blocks = this.#read(body);
  }

  async *#read(body) {
    let rest = "";
    for await (const text of body.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + text).split("\n\n");
      rest = blocks.pop();
      for (const block of blocks) {
        if (block.startsWith(":")) this.comments++;
        const event = parseEvent(block);
        if (event) yield event;
      }
    }
  }

  // The next event, with its data parsed as .json; null at the end of the stream.
  async next(limitMs = this.#limitMs) {
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`no event within ${limitMs} ms`)), limitMs);
    });
    try {
      const { done, value } = await Promise.race([this.#blocks.next(), late]);
      return done ? null : { ...value, json: parseJson(value.data) };
    } finally {
      clearTimeout(timer);
    }
  }

  // Reads up to and with the event of that name; -> all events read.
  async until(name) {
    const events = [];
    for (;;) {
      const event = await this.next();
      if (!event) throw new Error(`the stream ended before ${name}`);
      events.push(event);
      if (event.event === name) return events;
    }
  }

  close() {
    this.#controller.abort();
  }
}
