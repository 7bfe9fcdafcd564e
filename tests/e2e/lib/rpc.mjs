// rpc.mjs - JSON-RPC over plain fetch, for tests that want to see every byte of what comes back.
// The official clients are used where a test is about them (clients.test.mjs).

import assert from "node:assert/strict";

import { slowness } from "./env.mjs";
import { parseJson } from "./json.mjs";
import { parseEvents } from "./sse.mjs";

export const MODERN = "2026-07-28";
const META = "io.modelcontextprotocol/";

export class JsonRpc {
  #next = 1;

  constructor(url) {
    this.url = url;
  }

  // Sends one body as it is; -> { status, headers, text, body, messages }: body is the JSON answer,
  // or the last message of an event stream; messages are all of a stream's.
  async post(body, { key, headers = {}, signal } = {}) {
    const res = await fetch(this.url, {
      method: "POST",
      headers: {
        "Content-Type": "application/json",
        ...(key ? { "X-API-Key": key } : {}),
        ...headers,
      },
      body: typeof body === "string" || body instanceof Uint8Array ? body : JSON.stringify(body),
      signal: signal ?? AbortSignal.timeout(60_000 * slowness),
    });
    const text = await res.text();
    const type = res.headers.get("content-type") ?? "";
    if (type.startsWith("text/event-stream")) {
      // The priming event of 2025-11-25 has no data.
      const events = parseEvents(text).filter((event) => event.data !== "");
      const messages = events.map((event) => JSON.parse(event.data));
      return { status: res.status, headers: res.headers, text, messages, body: messages.at(-1) };
    }
    const json = type.startsWith("application/json") && text !== "" ? JSON.parse(text) : undefined;
    return { status: res.status, headers: res.headers, text, messages: [], body: json };
  }

  // A legacy request without a session.
  request(method, params, { id = this.#next++, ...options } = {}) {
    return this.post({ jsonrpc: "2.0", id, method, params }, options);
  }

  notify(method, params, options) {
    return this.post({ jsonrpc: "2.0", method, params }, options);
  }

  // tools/call that must be answered by a result; its one text block as JSON becomes .value.
  async call(name, args = {}, options) {
    const res = await this.request("tools/call", { name, arguments: args }, options);
    assert.ok(res.body?.result, `${name}: HTTP ${res.status} ${res.text}`);
    const { result } = res.body;
    const text = result.content?.length === 1 ? result.content[0].text : undefined;
    return { ...result, text, value: parseJson(text) };
  }

  // A request of revision 2026-07-28: metadata in the parameters, mirrored in headers.
  modern(method, params = {}, { headers = {}, meta = {}, name, ...options } = {}) {
    const mirrored = name ?? params.name ?? params.uri ?? params.taskId;
    return this.request(
      method,
      {
        ...params,
        _meta: {
          [`${META}protocolVersion`]: MODERN,
          [`${META}clientCapabilities`]: {},
          [`${META}clientInfo`]: { name: "moongate-tests", version: "1" },
          ...meta,
        },
      },
      {
        ...options,
        headers: {
          Accept: "application/json, text/event-stream",
          "MCP-Protocol-Version": MODERN,
          "Mcp-Method": method,
          ...(mirrored === undefined ? {} : { "Mcp-Name": mirrored }),
          ...headers,
        },
      },
    );
  }

  // initialize + initialized; -> a function that sends requests of that session, with .id.
  async session(version = "2025-11-25", options = {}) {
    const res = await this.request(
      "initialize",
      {
        protocolVersion: version,
        capabilities: {},
        clientInfo: { name: "moongate-tests", version: "1" },
      },
      { ...options, headers: { "MCP-Protocol-Version": version, ...options.headers } },
    );
    assert.equal(res.status, 200, res.text);
    const id = res.headers.get("mcp-session-id");
    const headers = { "Mcp-Session-Id": id, "MCP-Protocol-Version": version, ...options.headers };
    await this.notify("notifications/initialized", undefined, { ...options, headers });
    const send = (method, params, more = {}) =>
      this.request(method, params, {
        ...options,
        ...more,
        headers: { ...headers, ...more.headers },
      });
    return Object.assign(send, { id, headers, initialize: res });
  }
}
