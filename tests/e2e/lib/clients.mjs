// clients.mjs - the official clients of both generations, in each mode: clients[LABEL]({ url, headers })
// is a connected one.

import { Client as ClientV1 } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport as TransportV1 } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import {
  Client as ClientV2,
  StreamableHTTPClientTransport as TransportV2,
} from "@modelcontextprotocol/client";

const info = { name: "moongate-tests", version: "1" };

export const clients = {
  "sdk 1.x": (options) => connect(new ClientV1(info), TransportV1, options),
  "client 2.x, legacy": (options) => connect(v2("legacy"), TransportV2, options),
  "client 2.x, auto": (options) => connect(v2("auto"), TransportV2, options),
  "client 2.x, 2026-07-28": (options) => connect(v2({ pin: "2026-07-28" }), TransportV2, options),
};

function v2(mode) {
  return new ClientV2(info, { versionNegotiation: { mode } });
}

async function connect(client, Transport, { url, headers = {} }) {
  await client.connect(new Transport(new URL(url), { requestInit: { headers } }));
  return client;
}
