// judge.mjs - which definition of which revision's schema a message of the gateway must fit, and does it?

import { conforms, definesOne } from "./schemas.mjs";
import { MODERN } from "./rpc.mjs";

const META = "io.modelcontextprotocol/protocolVersion";
const SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId";
const ASSUMED = "2025-03-26"; // of who names no revision
const REVISIONS = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", MODERN];

const RESULTS = {
  initialize: "InitializeResult",
  ping: "EmptyResult",
  "logging/setLevel": "EmptyResult",
  "resources/subscribe": "EmptyResult",
  "resources/unsubscribe": "EmptyResult",
  "tools/list": "ListToolsResult",
  "tools/call": "CallToolResult",
  "prompts/list": "ListPromptsResult",
  "prompts/get": "GetPromptResult",
  "resources/list": "ListResourcesResult",
  "resources/templates/list": "ListResourceTemplatesResult",
  "resources/read": "ReadResourceResult",
  "completion/complete": "CompleteResult",
  "server/discover": "DiscoverResult",
  "subscriptions/listen": "SubscriptionsListenResult",
};
const BY_TYPE = { input_required: "InputRequiredResult", task: "Result" };

const NOTIFICATIONS = {
  "notifications/progress": "ProgressNotification",
  "notifications/message": "LoggingMessageNotification",
  "notifications/cancelled": "CancelledNotification",
  "notifications/tools/list_changed": "ToolListChangedNotification",
  "notifications/prompts/list_changed": "PromptListChangedNotification",
  "notifications/resources/list_changed": "ResourceListChangedNotification",
  "notifications/resources/updated": "ResourceUpdatedNotification",
  "notifications/subscriptions/acknowledged": "SubscriptionsAcknowledgedNotification",
  "notifications/elicitation/complete": "ElicitationCompleteNotification",
  "notifications/tasks/status": "TaskStatusNotification",
  "notifications/tasks": "Notification", // of an extension
};

const REQUESTS = {
  "sampling/createMessage": "CreateMessageRequest",
  "elicitation/create": "ElicitRequest",
  "roots/list": "ListRootsRequest",
  ping: "PingRequest",
};

const ERRORS = {
  "-32020": "HeaderMismatchError",
  "-32021": "MissingRequiredClientCapabilityError",
  "-32022": "UnsupportedProtocolVersionError",
};

export class Judge {
  judged = 0;

  #problems = [];
  #sessions = new Map(); // id -> revision
  #asked = new Map(); // session and request id -> method, for answers on another stream

  take() {
    return this.#problems.splice(0);
  }

  // ---- over HTTP ----

  request({ headers, body }) {
    for (const message of [body].flat())
      if (headers["mcp-session-id"] && message?.method && message.id !== undefined)
        this.#asked.set(`${headers["mcp-session-id"]} ${JSON.stringify(message.id)}`, message.method);
  }

  // A message of an answer; text is what it was read from.
  answer(request, answer, message, text) {
    if (![message].flat()[0]?.jsonrpc) return; // not of the protocol: /sse, /health, the kit's own
    const session = request?.headers["mcp-session-id"];
    const revision = this.#revisionOf(request, session, message);
    const opened = answer.headers["mcp-session-id"];
    if (opened && message.result) this.#sessions.set(opened, message.result.protocolVersion);
    this.#all(revision, message, text, ({ id }) => this.#methodOf(request, session, id));
  }

  // What was asked by this very request, or by another one of the session.
  #methodOf(request, session, id) {
    const key = JSON.stringify(id);
    const own = [request?.body].flat().find((one) => one?.method && JSON.stringify(one.id) === key);
    return own?.method ?? (session && this.#asked.get(`${session} ${key}`));
  }

  #revisionOf(request, session, message) {
    // Of a subscription, whatever it comes by: its notices, and its result.
    const of = message?.params ?? message?.result;
    if (of?._meta?.[SUBSCRIPTION] !== undefined) return MODERN;
    // A stream of the oldest transport, which has no headers: what was agreed on is not known.
    if (request?.method === "GET" && !session) return Array.isArray(message) ? ASSUMED : REVISIONS[0];
    const claim = request?.body?.params?._meta?.[META];
    const header = request?.headers["mcp-protocol-version"];
    if (request?.body?.method === "initialize" && message.result) return message.result.protocolVersion;
    if (claim !== undefined || (header && header >= MODERN)) return MODERN;
    if (header && !REVISIONS.includes(header)) return ASSUMED;
    return this.#sessions.get(session) ?? header ?? ASSUMED;
  }

  // ---- over lines; side is what is known of the process ----

  line(side, message) {
    side.asked ??= new Map();
    for (const one of [message].flat())
      if (one?.method && one.id !== undefined)
        side.asked.set(JSON.stringify(one.id),
          { method: one.method, isModern: one.params?._meta?.[META] !== undefined });
  }

  answerLine(side, message, text) {
    const one = [message].flat()[0] ?? {};
    const askedOf = ({ id }) => (id === undefined ? undefined : side.asked?.get(JSON.stringify(id)));
    const asked = askedOf(one);
    if (asked?.method === "initialize" && one.result && !asked.isModern)
      side.revision = one.result.protocolVersion;
    // A notification does not say which request it belongs to.
    const isModern = asked ? asked.isModern : !side.revision || one.params?._meta?.[SUBSCRIPTION];
    this.#all(isModern ? MODERN : (side.revision ?? ASSUMED), message, text, (some) => askedOf(some)?.method);
  }

  // ---- one message, or a batch ----

  #all(revision, message, text, methodOf) {
    try {
      if (message === undefined) throw new Error("it is no JSON");
      if (Array.isArray(message)) conforms(revision, "JSONRPCBatchResponse", message.map((one) => withId(revision, one)));
      for (const one of [message].flat()) this.#one(revision, withId(revision, one), methodOf(one));
      this.judged++;
    } catch (error) {
      this.#problems.push(`${error.message}\n  the message: ${text.slice(0, 2000)}`);
    }
  }

  #one(revision, message, method) {
    conforms(revision, "JSONRPCMessage", message);
    if (message.method && message.id !== undefined)
      conforms(revision, known(revision, REQUESTS[message.method], "Request"), message);
    else if (message.method)
      conforms(revision, known(revision, NOTIFICATIONS[message.method], message.method), message);
    else if (message.error)
      conforms(revision, known(revision, revision === MODERN && ERRORS[message.error.code], "JSONRPCMessage"), message);
    else this.#result(revision, message.result, method);
  }

  #result(revision, result, method) {
    const name = BY_TYPE[result.resultType] ?? RESULTS[method] ?? "Result";
    conforms(revision, name, result);
    if (revision === MODERN && typeof result.resultType !== "string") throw new Error("no resultType");
  }
}

// Where an id could not be read, JSON-RPC has a null, and the schemas up to 2025-06-18 nothing.
function withId(revision, message) {
  const isOld = revision < "2025-11-25" && message?.error && (message.id ?? null) === null;
  return isOld ? { ...message, id: 0 } : message;
}

function known(revision, name, otherwise) {
  return name && definesOne(revision, name) ? name : otherwise;
}
