// schemas.mjs - the specification's own JSON schemas, for tests that hold every message to them.
// They are not part of this project: MOONGATE_TEST_SCHEMAS names the folder with REVISION.json in it;
// without it the tests that need them say that they skipped.

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";

import Ajv from "ajv";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";

const folder = process.env.MOONGATE_TEST_SCHEMAS;

export const skip = folder ? false : "MOONGATE_TEST_SCHEMAS is not set";

const loaded = new Map();

function load(revision) {
  if (!loaded.has(revision)) {
    const schema = JSON.parse(fs.readFileSync(path.join(folder, `${revision}.json`), "utf8"));
    const root = schema.$defs ? "$defs" : "definitions";
    const ajv = new (schema.$defs ? Ajv2020.default : Ajv.default)({ strict: false, allErrors: true });
    addFormats.default(ajv);
    ajv.addSchema(schema, revision);
    loaded.set(revision, { ajv, root, names: new Set(Object.keys(schema[root])) });
  }
  return loaded.get(revision);
}

export function definesOne(revision, name) {
  return load(revision).names.has(name);
}

// Does the value fit the revision's definition of that name? The first of several names that the
// revision has is taken: definitions were renamed over time.
export function conforms(revision, names, value) {
  const { ajv, root, names: known } = load(revision);
  const name = [names].flat().find((candidate) => known.has(candidate));
  assert.ok(name, `${revision} defines none of ${names}`);
  const ref = `${revision}#/${root}/${name}`;
  const validate = ajv.getSchema(ref) ?? ajv.compile({ $ref: ref });
  if (validate(value)) return;
  assert.fail(`${revision} ${name}: ${ajv.errorsText(validate.errors)} in ${JSON.stringify(value)}`);
}

const RESULT = ["JSONRPCResultResponse", "JSONRPCResponse"];
const ERROR = ["JSONRPCErrorResponse", "JSONRPCError"];

// A whole answer: the envelope, and the result by the name of its own definition.
export function answerConforms(revision, resultName, message) {
  conforms(revision, "JSONRPCMessage", message);
  conforms(revision, message.error ? ERROR : RESULT, message);
  if (message.result) conforms(revision, resultName, message.result);
}

export function notificationConforms(revision, message) {
  const name = {
    "notifications/progress": "ProgressNotification",
    "notifications/message": "LoggingMessageNotification",
  }[message.method];
  assert.ok(name, `unexpected ${message.method}`);
  conforms(revision, "JSONRPCMessage", message);
  conforms(revision, name, message);
}
