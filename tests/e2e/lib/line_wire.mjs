// line_wire.mjs - messages of both directions, a line each.

import { parseJson } from "./json.mjs";

export class LineWire {
  #sent = [];
  #received = [];
  #side = {};

  sent(bytes) {
    this.#sent.push(bytes);
  }

  received(bytes) {
    this.#received.push(bytes);
  }

  readSent(judge) {
    for (const text of lines(this.#sent)) judge.line(this.#side, parseJson(text));
  }

  readReceived(judge) {
    for (const text of lines(this.#received)) judge.answerLine(this.#side, parseJson(text), text);
  }
}

// Whole lines; the rest stays.
function lines(chunks) {
  const all = Buffer.concat(chunks);
  const end = all.lastIndexOf(10) + 1;
  chunks.splice(0, Infinity, all.subarray(end));
  return all.subarray(0, end).toString("utf8").split("\n").filter(Boolean);
}
