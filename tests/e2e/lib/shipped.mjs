// shipped.mjs - a gateway over a copy of what ships: its mcp.ini, its tools, its evaluations.

import fs from "node:fs";
import os from "node:os";
import path from "node:path";

import { Gateway, repo } from "./gateway.mjs";

const build = process.env.MOONGATE_BUILD || path.join(repo, "build");
export const shippedIni = fs.readFileSync(path.join(repo, "mcp.ini"), "utf8");

// root: { "path": "text" } below the root; before(dir) runs when all of it is there; more: as Gateway.start.
export async function startShipped(t, { ini = "", root = {}, env = {}, before = () => {}, ...more } = {}) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), "moongate-tools-"));
  fs.cpSync(path.join(repo, "tools.d"), path.join(dir, "tools.d"), { recursive: true });
  fs.symlinkSync(build, path.join(dir, "build"));
  fs.symlinkSync(path.join(repo, "config"), path.join(dir, "config"));
  for (const [name, text] of Object.entries(root)) {
    fs.mkdirSync(path.dirname(path.join(dir, "root", name)), { recursive: true });
    fs.writeFileSync(path.join(dir, "root", name), text);
  }
  before(dir);
  const gw = await Gateway.start({
    dir, ini: `${shippedIni}\n${ini}`, env: { MOONGATE_RATE_LIMIT_BUCKET: "0" , ...env }, ...more,
  });
  t.after(async () => {
    await gw.stop({ keep: true });
    fs.rmSync(dir, { recursive: true, force: true });
  });
  return gw;
}
