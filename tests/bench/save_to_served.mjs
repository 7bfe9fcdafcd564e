// save_to_served.mjs - how long after a tool file is saved its new version answers.
//
//   node tests/bench/save_to_served.mjs [BINARY] [FILES=200] [WORKERS=2] [SAVES=31]
//
// FILES tool files of some 30 lines, each with a schema and a few functions. One of them is saved by rename, as editors
// do, and called without a pause on one connection until the new version answers. The time is counted from before the save.

import http from "node:http";
import path from "node:path";
import fs from "node:fs";

import { Gateway } from "../e2e/lib/gateway.mjs";

const [binary = process.env.MOONGATE ?? "build/moongate", files = 200, workers = 2, saves = 31] = process.argv.slice(2);

const tool = (n, version) => `-- What a small tool looks like.
local mcp = require "mcp"

local version = ${version}

local function pad(text, width)
  return text .. (" "):rep(width - #text)
end

local function row(key, value)
  return pad(key, 12) .. ": " .. tostring(value)
end

return mcp.tool {
  name = "tool${n}",
  description = "Tool number ${n}: shows what it was given as rows.",
  input = {
    type = "object",
    properties = {
      who = { type = "string", maxLength = 80 },
      times = { type = "integer", minimum = 1, maximum = 10, default = 1 },
    },
    additionalProperties = false,
  },
  run = function(args)
    local rows = {}
    for i = 1, args.times do
      rows[i] = row("row " .. i, args.who or "nobody")
    end
    return { version = version, rows = rows }
  end,
}
`;

const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name: "tool0", arguments: {} } });

function version(port, agent) {
  return new Promise((resolve, reject) => {
    const req = http.request(
      { port, host: "127.0.0.1", path: "/mcp", method: "POST", agent,
        headers: { "Content-Type": "application/json", "Content-Length": body.length } },
      (res) => {
        let text = "";
        res.setEncoding("utf8").on("data", (piece) => (text += piece));
        res.on("end", () => resolve(JSON.parse(JSON.parse(text).result.content[0].text).version));
      },
    );
    req.on("error", reject);
    req.end(body);
  });
}

const tools = Object.fromEntries(Array.from({ length: Number(files) }, (_, n) => [`tool${n}.lua`, tool(n, 0)]));
const gw = await Gateway.start({
  binary: path.resolve(binary), tools, follow: true,
  ini: `[server]\nworkers = ${workers}\n[rate_limit]\nbucket = 0\n[log]\naccess = no\n`,
});
const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const took = [];
for (let n = 1; n <= saves; n++) {
  const file = path.join(gw.toolsDir, "tool0.lua");
  const began = performance.now();
  fs.writeFileSync(`${file}.new`, tool(0, n));
  fs.renameSync(`${file}.new`, file);
  while ((await version(gw.port, agent)) !== n);
  took.push(performance.now() - began);
}
agent.destroy();
const rss = gw.rssAnon() >> 10;
await gw.stop();
took.sort((a, b) => a - b);
const at = (share) => took[Math.min(took.length - 1, Math.floor(share * took.length))].toFixed(1);
console.log(`${files} files, ${workers} workers, ${saves} saves: median ${at(0.5)} ms, least ${at(0)}, p90 ${at(0.9)}, most ${at(1)}; RssAnon ${rss} KB`);
