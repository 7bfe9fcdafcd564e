// extensions.mjs - what results and notifications of the extensions must be: tasks by the schemas of the
// extension's own package, skills by its text, which has none. Each throws for what does not fit.

import assert from "node:assert/strict";

import {
  CancelTaskResultV2Schema, CreateTaskResultV2Schema, GetTaskResultV2Schema, TaskStatusNotificationV2Schema,
  UpdateTaskResultV2Schema,
} from "@modelcontextprotocol/ext-tasks/core/v2";
import Ajv2020 from "ajv/dist/2020.js";

import { MODERN } from "./rpc.mjs";
import { conforms } from "./schemas.mjs";

function parses(schema, value) {
  const { success, error } = schema.safeParse(value);
  if (success) return;
  assert.fail(`the tasks extension: ${error.issues.map((one) => `${one.path.join(".")}: ${one.message}`).join("; ")} in ${JSON.stringify(value)}`);
}

// ---- tasks ----

// The package's schemas let anything stand beside what they know.
function lacks(value, names, what) {
  for (const name of names) assert.ok(!(name in value), `${what} has ${name}: ${JSON.stringify(value)}`);
}

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
const OF_STATUS = { completed: "result", failed: "error", input_required: "inputRequests" };

function taskIs(task, what) {
  for (const name of ["createdAt", "lastUpdatedAt"]) assert.match(task[name], ISO, `${what}: ${name}`);
  assert.ok(task.ttlMs === null || task.ttlMs > 0, `${what}: ttlMs ${task.ttlMs}`);
  assert.ok(task.pollIntervalMs === undefined || task.pollIntervalMs > 0, `${what}: pollIntervalMs ${task.pollIntervalMs}`);
}

function detailsAre(task, what) {
  taskIs(task, what);
  const others = Object.values(OF_STATUS).filter((name) => name !== OF_STATUS[task.status]);
  lacks(task, [...others, "requestState", "task", "ttl", "pollInterval"], `${what} that is ${task.status}`);
  if (task.status !== "completed") return;
  conforms(MODERN, "CallToolResult", task.result);
  lacks(task.result._meta ?? {}, ["io.modelcontextprotocol/related-task"], "a task's result");
}

function created(result) {
  parses(CreateTaskResultV2Schema, result);
  taskIs(result, "a new task");
  lacks(result, ["task", "ttl", "pollInterval", "result", "error", "inputRequests", "requestState"], "a new task");
}

function got(result, { name }) {
  parses(GetTaskResultV2Schema, result);
  detailsAre(result, "a task");
  assert.equal(result.taskId, name, "another task than the one that was asked for");
}

const acknowledged = (schema) => (result) => {
  parses(schema, result);
  const more = Object.keys(result).filter((name) => name !== "resultType" && name !== "_meta");
  assert.deepEqual(more, [], "an acknowledgement has nothing else");
};

function changed(message) {
  parses(TaskStatusNotificationV2Schema, message);
  detailsAre(message.params, "a task that changed");
}

// ---- skills ----

const NAME = "^(?!.*--)[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$";
const hints = { ttlMs: { type: "integer", minimum: 0 }, cacheScope: { enum: ["public", "private"] }, resultType: { const: "complete" } };
const object = (properties, optional = {}) =>
  ({ type: "object", required: Object.keys(properties), properties: { ...properties, ...optional } });
const skill = object({
  uri: { type: "string", pattern: "^skill://.+/SKILL\\.md$" },
  frontmatter: object({ name: { type: "string", pattern: NAME }, description: { type: "string", minLength: 1 } }),
  resources: { oneOf: [{ const: "dynamic" }, { type: "array", minItems: 1, maxItems: 512, items: object({
    uri: { type: "string" }, digest: { type: "string", pattern: "^sha256:[0-9a-f]{64}$" }, size: { type: "integer", minimum: 0 },
  }) }] },
});
const ajv = new Ajv2020.default({ allErrors: true });
const lists = ajv.compile(object({ skills: { type: "array", items: skill }, ...hints }, { nextCursor: { type: "string" } }));
const gets = ajv.compile({ ...object({ skill, ...hints }), not: { required: ["nextCursor"] } });
const reads = ajv.compile(object({ resources: { type: "array" }, ...hints }, { nextCursor: { type: "string" } }));

function fits(validate, value) {
  if (!validate(value)) assert.fail(`the skills extension: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
}

const SKILL_BYTES = 16 << 20;

function skillIs({ uri, frontmatter, resources }) {
  const folder = uri.slice(0, -"SKILL.md".length);
  assert.equal(folder.split("/").at(-2), frontmatter.name, `${uri} is not named after its head`);
  if (resources === "dynamic") return;
  const uris = resources.map((resource) => resource.uri);
  assert.equal(new Set(uris).size, uris.length, `${uri} has a file twice`);
  assert.ok(uris.includes(uri), `${uri} is not among its files`);
  for (const one of uris) assert.ok(one.startsWith(folder) && !one.includes("/../"), `${one} is no file of ${uri}`);
  const bytes = resources.reduce((sum, { size }) => sum + size, 0);
  assert.ok(bytes <= SKILL_BYTES, `${uri} has ${bytes} bytes`);
}

function skillsListed(result) {
  fits(lists, result);
  result.skills.forEach(skillIs);
  const uris = result.skills.map(({ uri }) => uri);
  assert.equal(new Set(uris).size, uris.length, "a skill is listed twice");
}

function skillGot(result, { name }) {
  fits(gets, result);
  skillIs(result.skill);
  assert.equal(result.skill.uri, name, "another skill than the one that was asked for");
}

function directoryRead(result, { name }) {
  fits(reads, result);
  for (const resource of result.resources) {
    conforms(MODERN, "Resource", resource);
    assert.match(resource.uri.startsWith(`${name}/`) ? resource.uri.slice(name.length + 1) : "", /^[^/]+$/,
      `${resource.uri} does not lie in ${name}`);
  }
}

// ---- which is which ----

const RESULTS = {
  "tasks/get": got,
  "tasks/update": acknowledged(UpdateTaskResultV2Schema),
  "tasks/cancel": acknowledged(CancelTaskResultV2Schema),
  "skills/list": skillsListed,
  "skills/get": skillGot,
  "resources/directory/read": directoryRead,
};

// asked: { method, name }, name being the task or the URI that was asked for. False: it is none of an extension.
export function extensionResult(result, asked) {
  const judge = result.resultType === "task" ? created : RESULTS[asked?.method];
  judge?.(result, asked);
  return judge !== undefined;
}

export function extensionNotification(message) {
  if (message.method !== "notifications/tasks") return false;
  changed(message);
  return true;
}
