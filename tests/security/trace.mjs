// trace.mjs - what a process and its children did to files, programs and sockets, as strace saw it.

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";

// fchdir and the clones tell what a relative path is relative to.
const CALLS = "trace=%file,fchdir,execve,execveat,connect,sendto,bind,clone,clone3,fork,vfork";

export const wrapper = (file) =>
  ["strace", "-f", "--seccomp-bpf", "-qq", "-y", "-ttt", "-s", "400", "-e", CALLS, "-e", "signal=none", "-o", file];

// "" where processes can be traced, else why not.
export function cannotTrace() {
  const run = spawnSync("strace", ["-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "true"], { encoding: "utf8" });
  return run.status === 0 ? "" : run.error?.message ?? run.stderr.trim();
}

// Text that strace printed between quotes.
function unquote(text) {
  const named = { n: "\n", t: "\t", r: "\r", v: "\v", f: "\f", a: "\x07", b: "\b" };
  const bytes = text.replace(/\\(?:([0-7]{1,3})|x([0-9a-f]{2})|(.))/g, (_, octal, hex, one) =>
    octal ? String.fromCharCode(parseInt(octal, 8)) : hex ? String.fromCharCode(parseInt(hex, 16)) : named[one] ?? one);
  return Buffer.from(bytes, "latin1").toString("utf8");
}

const STRING = /"((?:[^"\\]|\\.)*)"/;
// A descriptor with its file, and the path behind it; or a path alone.
const PATH = new RegExp(String.raw`(?:(AT_FDCWD|\d+)<((?:[^>\\]|\\.)*)>, )?${STRING.source}`, "g");
const ANSWER = /\) = (-?\d+|\?)(?:<((?:[^>\\]|\\.)*)>)?(?: ([A-Z]+))?/;
const TWO_PATHS = /^(rename|link)/;

// The calls of the file, oldest first: { pid, time, name, text, error, paths, opened, argv }. paths: absolute,
// without "." and ".."; opened: where the descriptor that came back leads. cwd: of the first process.
export function readTrace(file, cwd) {
  const open = new Map();
  const folders = new Map();
  const calls = [];
  for (const line of fs.readFileSync(file, "latin1").split("\n")) {
    const head = /^(\d+) +(\d+\.\d+) (.*)$/.exec(line);
    if (!head) continue;
    const [, pid, time] = head;
    let text = head[3];
    if (text.endsWith(" <unfinished ...>")) {
      open.set(pid, { time, text: text.slice(0, -17) });
      continue;
    }
    const resumed = /^<\.\.\. \w+ resumed>(.*)$/.exec(text);
    const begun = resumed && open.get(pid);
    if (begun) text = begun.text + resumed[1];
    calls.push({ pid, time: Number(begun ? begun.time : time), ended: Number(time), text });
  }
  for (const [pid, { time, text }] of open) calls.push({ pid, time: Number(time), text });
  calls.sort((a, b) => a.time - b.time);
  // A child is known from its parent's clone, which may end behind the child's first call.
  const parents = new Map();
  for (const { pid, text } of calls) {
    const child = /^(?:clone3?|v?fork)\(.*\) = (\d+)/.exec(text)?.[1];
    if (child) parents.set(child, pid);
  }
  const folder = (pid) => folders.get(pid) ?? (parents.has(pid) ? folder(parents.get(pid)) : cwd);
  return calls.map((call) => describe(call, folder, folders)).filter((call) => call.name);
}

function describe({ pid, time, text }, folder, folders) {
  const name = /^(\w+)\(/.exec(text)?.[1];
  const answer = ANSWER.exec(text);
  const call = { pid, time, name, text, error: answer?.[3] ?? "", paths: [], opened: "", argv: [] };
  if (/^(clone3?|v?fork|connect|sendto|bind)$/.test(name ?? "")) return call;
  if (name === "fchdir") {
    const to = /^fchdir\(\d+<((?:[^>\\]|\\.)*)>/.exec(text)?.[1];
    if (to && !call.error) folders.set(pid, unquote(to));
    return call;
  }
  if (answer?.[2]) call.opened = unquote(answer[2]);
  for (const match of text.matchAll(PATH)) {
    if (call.paths.length > 0 && !TWO_PATHS.test(name)) break;
    // "" is the descriptor itself, whose opening was seen.
    if (match[3] !== "") call.paths.push(path.resolve(match[2] === undefined ? folder(pid) : unquote(match[2]), unquote(match[3])));
  }
  if (/^symlink/.test(name)) {            // the first string is only text
    const last = [...text.matchAll(PATH)][1];
    call.paths = last ? [path.resolve(last[2] === undefined ? folder(pid) : unquote(last[2]), unquote(last[3]))] : [];
  }
  if (name === "chdir" && !call.error) folders.set(pid, call.paths[0]);
  if (/^execve/.test(name)) {
    const list = /, \[(.*?)\], 0x/.exec(text)?.[1] ?? "";
    call.argv = [...list.matchAll(new RegExp(STRING.source, "g"))].map((one) => unquote(one[1]));
  }
  return call;
}

// Does the call change what is at p, as far as its name and flags tell? What gets a second name stays as it is.
export const changes = ({ name, text, paths }, p) =>
  /^link/.test(name) ? p !== paths[0]
    : /^open|^creat/.test(name) ? /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|^creat/.test(text)
      : /^(rename|unlink|mkdir|rmdir|symlink|mknod|chmod|fchmod|chown|lchown|fchown|truncate|utime|futimesat|utimens|setxattr|lsetxattr|removexattr|mount|umount)/.test(name);

// Does the kernel hold the call's path below the descriptor, or refuse it?
export const isHeld = ({ name, text }) => name === "openat2" && /RESOLVE_(BENEATH|IN_ROOT)/.test(text);
