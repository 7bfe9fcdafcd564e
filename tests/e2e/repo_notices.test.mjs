// repo_notices.test.mjs - the repository's resources change by tools: who subscribed to a file or a folder is told,
// and who is shown the list of the top level when it is another.

import assert from "node:assert/strict";
import test from "node:test";

import { startShipped } from "./lib/shipped.mjs";
import { openEventStream, openSubscription } from "./lib/sse.mjs";

const MARK = "repo:///src/mark";
const root = { "README.md": "one\n", "src/a b.c": "int a;\n", "src/deep/x": "x\n", "src/mark": "0" };

// What both eras are told of these resources, and of lists.
async function listen(t, gw, paths, options = {}) {
  const uris = [...paths.map((path) => `repo:///${path}`), MARK];
  const modern = await openSubscription(gw.url, { resourceSubscriptions: uris, resourcesListChanged: true }, options);
  assert.deepEqual((await modern.next()).json.params.notifications.resourceSubscriptions, uris);
  const s = await gw.client.session("2025-11-25", { headers: { Accept: "application/json, text/event-stream" }, ...options });
  for (const uri of uris) assert.ok((await gw.rpc("resources/subscribe", { uri }, { headers: s.headers, ...options })).body.result);
  const legacy = await openEventStream(gw.url, { headers: s.headers, ...options });
  assert.equal((await legacy.next()).data, "");
  const streams = [modern, legacy];
  t.after(() => streams.forEach((stream) => stream.close()));
  return { streams, marks: 0 };
}

const short = ({ method, params }) => (method === "notifications/resources/updated" ? params.uri : method);

// All that was told since the last time: until another change that is told is.
async function told(gw, heard) {
  assert.ok((await gw.call("write_file", { path: "src/mark", contents: `${++heard.marks}`, overwrite: true })).value);
  const all = await Promise.all(heard.streams.map(async (stream) => {
    const seen = [];
    for (;;) {
      const one = short((await stream.next()).json);
      if (one === MARK) return seen;
      seen.push(one);
    }
  }));
  assert.deepEqual(all[0].toSorted(), all[1].toSorted(), "both eras are told the same");
  return all[0].map((one) => one.replace("repo:///", "")).sort();
}

const LIST = "notifications/resources/list_changed";

async function change(gw, tool, args) {
  const { value, text } = await gw.call(tool, args);
  assert.ok(value, text);
  return value;
}

test("who subscribed to a file is told of each way in which tools change it", async (t) => {
  const gw = await startShipped(t, { root });
  const heard = await listen(t, gw, ["README.md", "src/a%20b.c", "new/way/f"]);
  await change(gw, "write_file", { path: "README.md", contents: "two\n", overwrite: true });
  assert.deepEqual(await told(gw, heard), ["README.md"]);
  await change(gw, "append_file", { path: "./src/a b.c", contents: "int b;" });
  assert.deepEqual(await told(gw, heard), ["src/a%20b.c"]);
  const { sha256 } = await change(gw, "append_file", { path: "README.md", contents: "three" });
  assert.deepEqual(await told(gw, heard), ["README.md"]);
  const updated = await change(gw, "update_file", { path: "README.md", contents: "4\n", expectSha256: sha256 });
  assert.deepEqual(await told(gw, heard), ["README.md"]);
  const patched = await change(gw, "apply_patch", {
    path: "README.md", patch: "@@ -1 +1 @@\n-4\n+5\n", expectSha256: updated.sha256,
  });
  assert.deepEqual(await told(gw, heard), ["README.md"]);
  await change(gw, "rename_file", { from: "src/a b.c", to: "new/way/f" });
  assert.deepEqual(await told(gw, heard), ["new/way/f", LIST, "src/a%20b.c"].sort());
  await change(gw, "delete_file", { path: "README.md", expectSha256: patched.sha256 });
  assert.deepEqual(await told(gw, heard), ["README.md", LIST]);
  await change(gw, "createFile", { path: "README.md", content: "6" });
  assert.deepEqual(await told(gw, heard), ["README.md", LIST]);
  assert.equal((await gw.call("write_file", { path: "README.md", contents: "no" })).isError, true);
  assert.deepEqual(await told(gw, heard), [], "what failed changed nothing");
});

test("who subscribed to a folder is told when its names are others", async (t) => {
  const gw = await startShipped(t, { root });
  const folders = ["", "src", "src/", "src/deep/", "src/deep/x", "made/a", "moved/x"];
  const heard = await listen(t, gw, folders);
  await change(gw, "write_file", { path: "src/deep/x", contents: "y", overwrite: true });
  assert.deepEqual(await told(gw, heard), ["src/deep/x"]);
  await change(gw, "create_file", { path: "src/deep/y", contents: "y" });
  assert.deepEqual(await told(gw, heard), ["src/deep/"]);
  await change(gw, "create_file", { path: "src/b", contents: "b" });
  assert.deepEqual(await told(gw, heard), ["src", "src/"]);
  await change(gw, "create_file", { path: "made/a/b/c", contents: "c" });
  assert.deepEqual(await told(gw, heard), ["", "made/a", LIST].sort());
  await change(gw, "rename_file", { from: "src/deep", to: "moved" });
  assert.deepEqual(await told(gw, heard), ["", "moved/x", LIST, "src", "src/", "src/deep/", "src/deep/x"].sort());
});

test("a job that is started changes the list, for those who are shown it", async (t) => {
  const gw = await startShipped(t, {
    root, ini: "[key all]\nsecret = k-all\n[key files]\nsecret = k-files\ntools = resource:repo\n",
  });
  const heard = [];
  for (const key of ["k-all", "k-files"]) {
    const stream = await openSubscription(gw.url, { resourcesListChanged: true, resourceSubscriptions: [MARK] }, { key });
    await stream.next();
    t.after(() => stream.close());
    heard.push(stream);
  }
  const { value, text } = await gw.call("run_eval", { taskId: "demo", configId: "a", dryRun: true }, { key: "k-all" });
  assert.ok(value, text);
  await gw.call("write_file", { path: "src/mark", contents: "1", overwrite: true }, { key: "k-all" });
  assert.equal(short((await heard[0].next()).json), LIST);
  assert.equal(short((await heard[1].next()).json), MARK);
});
