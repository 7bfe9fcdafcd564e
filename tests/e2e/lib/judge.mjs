// judge.mjs - which definition of which revision's schema a message of the gateway must fit, and does it?

import { extensionNotification, extensionResult } from "./extensions.mjs";
import { conforms, definesOne } from "./schemas.mjs";
import { parseJson } from "./json.mjs";
import { MODERN } from "./rpc.mjs";

const META = "io.modelcontextprotocol/protocolVersion";
const SERVER = "io.modelcontextprotocol/serverInfo";
const LEVEL = "io.modelcontextprotocol/logLevel";
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
const MAY_ASK = ["tools/call", "prompts/get", "resources/read"]; // in several rounds

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
const isOfLegacy = (code) => code >= -32019 && code <= -32000; // which modern clients are not sent
const STATUSES = { "-32601": 404, "-32020": 400, "-32021": 400, "-32022": 400 }; // of modern errors

// What is refused before anybody knows what it is may be refused in plain words.
const PLAIN = [202, 204, 400, 408, 413, 431, 500, 503];

// What was asked, by ids that may be used again.
class Asked {
  #all = new Map(); // id -> oldest first

  put(id, message) {
    const key = JSON.stringify(id);
    const waiting = (this.#all.get(key) ?? []).filter(({ isTold }) => !isTold);
    this.#all.set(key, [...waiting, askedBy(message)]);
  }

  // What is answered stays until the id is used again: an answer that was lost comes a second time.
  take(id) {
    const all = this.#all.get(JSON.stringify(id)) ?? [];
    const one = all.find(({ isTold }) => !isTold) ?? all.at(-1);
    if (one) one.isTold = true;
    return one;
  }
}

export class Judge {
  judged = 0;

  #problems = [];
  #sessions = new Map(); // id -> revision
  #asked = new Map(); // session -> what it asked, for answers on another stream

  take() {
    return this.#problems.splice(0);
  }

  // ---- over HTTP: request has method, path, query, headers and body; null: it is not known ----

  request(request) {
    const session = sessionOf(request);
    if (!session) return;
    if (!this.#asked.has(session)) this.#asked.set(session, new Asked());
    for (const message of [request.body].flat())
      if (message?.method && message.id !== undefined) this.#asked.get(session).put(message.id, message);
  }

  // A whole answer that is no stream; text is its body.
  answer(request, answer, text) {
    const message = parseJson(text);
    const isJson = (answer.headers["content-type"] ?? "").startsWith("application/json");
    if (isJsonRpc(message)) this.#hear(request, answer, message, text);
    else if (isPosted(request) && (isJson || !PLAIN.includes(answer.status)))
      this.#problem(new Error(`HTTP ${answer.status}: JSON-RPC was due`), text);
  }

  // An event of an answer that is a stream.
  event(request, answer, { event, data, id }) {
    const message = parseJson(data);
    const stray = isPosted(request) && isJsonRpc(message) && strays(request, message, id);
    if (stray) this.#problem(new Error(stray), data);
    if (event === "endpoint" && request) request.session = new URLSearchParams(data.split("?")[1]).get("sessionId");
    else if (isJsonRpc(message)) this.#hear(request, answer, message, data);
    // The event that comes first, to be resumed behind, has no data.
    else if (isStream(request) && data !== "") this.#problem(new Error("an event that is no JSON-RPC"), data);
  }

  #hear(request, answer, message, text) {
    const session = request && (request.session ?? sessionOf(request));
    const asked = [message].flat().map((one) => this.#askedOf(request, session, one));
    const opened = answer.headers["mcp-session-id"] ?? request?.session;
    const isAgreed = message.result && asked[0]?.method === "initialize";
    if (isAgreed && opened) this.#sessions.set(opened, message.result.protocolVersion);
    const revision = isAgreed ? message.result.protocolVersion : this.#revisionOf(request, session, message, asked[0]);
    this.#all(revision, message, text, asked, request !== null);
    const status = STATUSES[message.error?.code];
    const isLate = (answer.headers["content-type"] ?? "").startsWith("text/event-stream");
    if (revision === MODERN && status && !isLate && answer.status !== status)
      this.#problem(new Error(`HTTP ${answer.status} for ${message.error.code}, which is ${status}`), text);
  }

  // What was asked by this very request, or by another one of the session.
  #askedOf(request, session, { id }) {
    if (id === undefined) return undefined;
    const ofSession = this.#asked.get(session)?.take(id);
    const own = [request?.body].flat().find((one) => one?.method && JSON.stringify(one.id) === JSON.stringify(id));
    return own ? askedBy(own) : ofSession;
  }

  #revisionOf(request, session, message, asked) {
    // Of a subscription, whatever it comes by: its notices, and its result.
    const of = message?.params ?? message?.result;
    if (of?._meta?.[SUBSCRIPTION] !== undefined) return MODERN;
    const claim = request?.body?.params?._meta?.[META];
    const header = request?.headers["mcp-protocol-version"];
    if (asked?.isModern || claim !== undefined || (header && header >= MODERN)) return MODERN;
    if (request?.session) {
      const agreed = this.#sessions.get(request.session) ?? REVISIONS[0];
      // The oldest revision's schema has no batches, though JSON-RPC, which it is, has.
      return Array.isArray(message) && agreed === REVISIONS[0] ? ASSUMED : agreed;
    }
    if (header && !REVISIONS.includes(header)) return ASSUMED;
    return this.#sessions.get(session) ?? header ?? ASSUMED;
  }

  // ---- over lines; side is what is known of the process ----

  line(side, message) {
    side.asked ??= new Asked();
    for (const one of [message].flat())
      if (one?.method && one.id !== undefined) side.asked.put(one.id, one);
  }

  answerLine(side, message, text) {
    const one = [message].flat()[0] ?? {};
    const asked = [message].flat().map(({ id } = {}) => (id === undefined ? undefined : side.asked?.take(id)));
    const [first] = asked;
    if (first?.method === "initialize" && one.result && !first.isModern)
      side.revision = one.result.protocolVersion;
    // A notification does not say which request it belongs to.
    const isModern = first ? first.isModern : !side.revision || one.params?._meta?.[SUBSCRIPTION];
    this.#all(isModern ? MODERN : (side.revision ?? ASSUMED), message, text, asked, true);
  }

  // ---- one message, or a batch ----

  #problem(error, text) {
    this.#problems.push(`${error.message}\n  the message: ${text.slice(0, 2000)}`);
  }

  // asked: for each of them what it answers; isKnown: whatever was asked is known.
  #all(revision, message, text, asked, isKnown) {
    try {
      if (message === undefined) throw new Error("it is no JSON");
      if (Array.isArray(message)) conforms(revision, "JSONRPCBatchResponse", message.map((one) => withId(revision, one)));
      for (const [i, one] of [message].flat().entries()) {
        if (one.result !== undefined && !asked[i] && isKnown) throw new Error("it answers nothing that was asked");
        this.#one(revision, withId(revision, one), asked[i]);
      }
      this.judged++;
    } catch (error) {
      this.#problem(error, text);
    }
  }

  #one(revision, message, asked) {
    conforms(revision, "JSONRPCMessage", message);
    if (message.method && message.id !== undefined)
      conforms(revision, known(revision, REQUESTS[message.method], "Request"), message);
    else if (message.method && !(revision === MODERN && extensionNotification(message)))
      conforms(revision, known(revision, NOTIFICATIONS[message.method], message.method), message);
    else if (message.error && revision === MODERN && isOfLegacy(message.error.code))
      throw new Error(`${message.error.code}, which this revision has not`);
    else if (message.error)
      conforms(revision, known(revision, revision === MODERN && ERRORS[message.error.code], "JSONRPCMessage"), message);
    else if (message.result) this.#result(revision, message.result, asked);
  }

  #result(revision, result, asked) {
    const { method } = asked ?? {};
    if (revision !== MODERN) {
      if ("resultType" in result) throw new Error("a resultType, which this revision has not");
      conforms(revision, RESULTS[method] ?? "Result", result);
      return;
    }
    const types = ["complete", ...(MAY_ASK.includes(method) ? ["input_required"] : []), ...(method === "tools/call" ? ["task"] : [])];
    if (method && !types.includes(result.resultType)) throw new Error(`resultType ${result.resultType} of ${method}`);
    if (typeof result.resultType !== "string") throw new Error("no resultType");
    if (!result._meta?.[SERVER]?.name) throw new Error("it does not say which server it is from");
    const isAsking = result.resultType === "input_required";
    conforms(revision, isAsking ? "InputRequiredResult" : result.resultType === "task" ? "Result" : RESULTS[method] ?? "Result", result);
    if (isAsking && ("ttlMs" in result || "cacheScope" in result)) throw new Error("cache hints of what is no answer yet");
    extensionResult(result, asked);
  }
}

// What of a request its answer is judged by.
function askedBy({ method, params }) {
  return { method, name: params?.uri ?? params?.taskId, isModern: params?._meta?.[META] !== undefined };
}

// Why a message does not belong on the stream that answers this request; id: of its event.
function strays(request, message, id) {
  const { id: own, params } = request.body ?? {};
  const { _meta = {} } = params ?? {};
  const isModern = _meta[META] !== undefined;
  const is = (a, b) => JSON.stringify(a) === JSON.stringify(b);
  if (request.isAnswered) return "it comes behind the answer";
  request.isAnswered = Array.isArray(message) || (!message.method && is(message.id, own));
  if (isModern && id !== undefined) return "an event with an id, which this revision has not";
  if (message.method === "notifications/progress" && !is(message.params?.progressToken, _meta.progressToken))
    return "progress of another request";
  if (message.method === "notifications/message" && isModern && !_meta[LEVEL]) return "a log message that nobody wanted";
  const subscription = message.params?._meta?.[SUBSCRIPTION];
  return subscription !== undefined && !is(subscription, own) ? "a notice of another subscription" : undefined;
}

const isJsonRpc = (message) => [message].flat()[0]?.jsonrpc !== undefined;

// The session that a request names; posts of the transport of 2024-11-05 do it in their URL.
const sessionOf = ({ headers, path, query }) =>
  path === "/messages" ? query.get("sessionId") : headers["mcp-session-id"];

// Where JSON-RPC alone is answered; /sse is a stream of topics, too, which have no protocol.
const isPosted = (request) => request?.method === "POST" && ["/mcp", "/messages"].includes(request.path);
const isStream = (request) => request?.path === "/mcp" || (request?.path === "/sse" && !request.query.has("topic"));

// Where an id could not be read, JSON-RPC has a null, and the schemas up to 2025-06-18 nothing.
function withId(revision, message) {
  const isOld = revision < "2025-11-25" && message?.error && (message.id ?? null) === null;
  return isOld ? { ...message, id: 0 } : message;
}

function known(revision, name, otherwise) {
  return name && definesOne(revision, name) ? name : otherwise;
}
