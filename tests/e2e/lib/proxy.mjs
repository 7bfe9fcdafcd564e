// proxy.mjs - lets tap.mjs hear clients that are processes of their own: what they send and receive
// passes through this process, byte for byte, the Host and Origin of their requests with it.

import { once } from "node:events";
import net from "node:net";

import { tapLines } from "./tap.mjs";

// -> the port of this machine that leads to `port`, until the end of the test.
export async function proxied(t, port) {
  const sockets = new Set();
  const server = net.createServer({ allowHalfOpen: true }, (near) => {
    const far = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    join(near, far);
    join(far, near);
    for (const socket of [near, far]) sockets.add(socket.once("close", () => sockets.delete(socket)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return server.address().port;
}

// What one end says the other hears, its end and its leaving too.
function join(from, to) {
  from.pipe(to);
  from.on("error", () => {}); // "close" follows
  from.on("close", () => to.destroySoon());
}

// argv for a client that starts `argv` itself and speaks lines with it: what passes is kept in files of
// the folder `dir`, for heard() once both have ended.
export function teed(dir, argv) {
  return ["sh", "-c", 'dir=$1; shift; tee "$dir/sent" | "$@" | tee "$dir/received"', "tee", dir, ...argv];
}

export const heard = (dir) => tapLines(`${dir}/sent`, `${dir}/received`);
