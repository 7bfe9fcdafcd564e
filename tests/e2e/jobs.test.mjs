// jobs.test.mjs - jobs as resources: who subscribed to job:///ID is told of each change, in both eras.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";

import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";

import { clients } from "./lib/clients.mjs";
import { slowness } from "./lib/env.mjs";
import { startShipped } from "./lib/shipped.mjs";

const MODERN = "client 2.x, 2026-07-28";
const RESULT = { metrics: { accuracy: 1 }, artifacts: [] };

// Evaluations that end when the test says so: a FIFO is read, in which it writes the result.
function start(t) {
  return startShipped(t, {
    before: (dir) => {
      fs.mkdirSync(path.join(dir, "root"), { recursive: true });
      for (const name of ["a", "b"]) spawnSync("mkfifo", [path.join(dir, "root", `fifo-${name}`)]);
    },
    ini: "[eval held]\ncommand = cat fifo-{configId}\n",
  });
}

const end = (gw, name) =>
  fs.promises.writeFile(path.join(gw.dir, "root", `fifo-${name}`), `${JSON.stringify(RESULT)}\n`);

async function run(gw, configId) {
  const { value, text } = await gw.call("run_eval", { taskId: "held", configId });
  assert.equal(value?.status, "QUEUED", text);
  return value.jobId;
}

// From then on it changes only by what the test does.
async function running(gw, jobId) {
  for (let status; status !== "RUNNING"; ) status = (await gw.call("status", { jobId })).value.status;
}

// What a client is told of resources, oldest first: await told.next().
function notices() {
  const seen = [];
  let wake = () => {};
  return {
    add({ params }) {
      seen.push(params.uri);
      wake();
    },
    async next() {
      const late = setTimeout(() => wake(new Error("nothing was told")), 20_000 * slowness);
      while (seen.length === 0) {
        const error = await new Promise((resolve) => (wake = resolve));
        if (error) throw error;
      }
      clearTimeout(late);
      return seen.shift();
    },
    get count() {
      return seen.length;
    },
  };
}

async function read(client, uri) {
  const { contents: [content] } = await client.readResource({ uri });
  assert.deepEqual([content.uri, content.mimeType], [uri, "application/json"]);
  return JSON.parse(content.text);
}

// Reads at each notice until the job is there: changes that come quickly are told as one.
async function until(client, told, uri, status) {
  for (;;) {
    assert.equal(await told.next(), uri);
    const job = await read(client, uri);
    if (job.status === status) return job;
  }
}

async function subscribeLegacy(client, uri) {
  const told = notices();
  client.setNotificationHandler(ResourceUpdatedNotificationSchema, (notice) => told.add(notice));
  await client.subscribeResource({ uri });
  return told;
}

async function subscribeModern(client, uri) {
  const told = notices();
  client.setNotificationHandler("notifications/resources/updated", (notice) => told.add(notice));
  const subscription = await client.listen({ resourceSubscriptions: [uri] });
  assert.deepEqual(subscription.honoredFilter, { resourceSubscriptions: [uri] });
  return told;
}

test("a job that ends is told of to its subscribers of both eras, and to nobody else", async (t) => {
  const gw = await start(t);
  const [legacy, modern, other] = await Promise.all(["sdk 1.x", MODERN, MODERN].map((label) => clients[label]({ url: gw.url })));
  const ids = [await run(gw, "a"), await run(gw, "b")];
  for (const id of ids) await running(gw, id);
  const uris = ids.map((id) => `job:///${id}`);
  const told = [await subscribeLegacy(legacy, uris[0]), await subscribeModern(modern, uris[0])];
  const elsewhere = await subscribeModern(other, uris[1]);
  await end(gw, "a");
  for (const [i, client] of [legacy, modern].entries()) {
    const job = await until(client, told[i], uris[0], "COMPLETED");
    assert.deepEqual(job.result, { ...RESULT, taskId: "held", configId: "a" });
    assert.equal(job.jobId, ids[0]);
  }
  // The other job is told of once it changes, and nothing but it was.
  await gw.call("cancel_job", { jobId: ids[1] });
  assert.equal((await until(other, elsewhere, uris[1], "CANCELLED")).result, null);
  assert.equal(elsewhere.count, 0);
  for (const client of [legacy, modern, other]) await client.close();
});

test("who unsubscribed, and who closed, is not told any more", async (t) => {
  const gw = await start(t);
  const legacy = await clients["sdk 1.x"]({ url: gw.url });
  const id = await run(gw, "a");
  await running(gw, id);
  const uri = `job:///${id}`;
  const told = await subscribeLegacy(legacy, uri);
  await legacy.unsubscribeResource({ uri });
  const mark = `job:///${await run(gw, "b")}`;
  await legacy.subscribeResource({ uri: mark });
  await gw.call("cancel_job", { jobId: id });
  await gw.call("cancel_job", { jobId: mark.slice(7) });
  assert.equal((await until(legacy, told, mark, "CANCELLED")).status, "CANCELLED");
  await legacy.close();
});

test("jobs are listed, newest first, and their ids completed", async (t) => {
  const gw = await start(t);
  const client = await clients[MODERN]({ url: gw.url });
  const ids = [];
  for (let i = 0; i < 3; i++)
    ids.unshift((await gw.call("run_eval", { taskId: "held", configId: `dry${i}`, dryRun: true })).value.jobId);
  const jobs = (await client.listResources()).resources.filter(({ uri }) => uri.startsWith("job:///"));
  assert.deepEqual(jobs.map(({ name }) => name), ids);
  assert.deepEqual(jobs.map(({ description }) => description), [2, 1, 0].map((i) => `held, dry${i}: DRY_RUN`));
  const complete = async (value) => (await client.complete({
    ref: { type: "ref/resource", uri: "job:///{jobId}" }, argument: { name: "jobId", value },
  })).completion.values;
  assert.deepEqual(await complete("job_"), ids);
  assert.deepEqual(await complete(ids[1]), [ids[1]]);
  assert.deepEqual(await complete("x"), []);
  assert.equal((await read(client, `job:///${ids[0]}`)).status, "DRY_RUN");
  await assert.rejects(client.readResource({ uri: "job:///job_unknown" }), { code: -32602 });
  await client.close();
});
