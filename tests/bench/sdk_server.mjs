// sdk_server.mjs - the official TypeScript SDK serving the same echo: stateless, JSON answers, the key
// checked by hand, no log. usage: sdk_server.mjs PORT

import http from "node:http";

import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";

const key = "bench-key-000000000000000000000000";

async function answer(req, res) {
  if (req.headers["x-api-key"] !== key) return res.writeHead(401).end();
  const server = new Server({ name: "sdk", version: "1" }, { capabilities: { tools: {} } });
  server.setRequestHandler(CallToolRequestSchema, ({ params }) => ({
    content: [{ type: "text", text: JSON.stringify({ message: params.arguments.message }) }],
  }));
  const transport = new StreamableHTTPServerTransport({
    sessionIdGenerator: undefined,
    enableJsonResponse: true,
  });
  res.on("close", () => transport.close());
  await server.connect(transport);
  await transport.handleRequest(req, res);
}

http
  .createServer((req, res) => answer(req, res).catch((error) => res.destroy(error)))
  .listen(Number(process.argv[2]), "127.0.0.1");
process.on("SIGTERM", () => process.exit(0));
