// evals.mjs - evaluations that end in every way there is, as small real programs, and what must be known of each
// afterwards. Every process of theirs writes its id down and carries the folder's name, by which it is found in /proc.

import fs from "node:fs";
import path from "node:path";

export const CHATTY_LINES = 100_000;
const LARGE = 90_000; // bytes of a result that its event still carries

// usage: storm.sh KIND JOBID ROOT
const script = `#!/bin/sh
export STORM="$3" JOB="$2"
echo "$$ $1" >>"$3/pids/$2.self"
result='{"metrics":{"kind":"'$1'"},"artifacts":["'$2'"]}'
case $1 in
ok)      echo "line 1"; sleep 0.1; echo "line 2"; echo "$result" ;;
held)    until [ -e "$3/go" ]; do sleep 0.02; done; echo "$result" ;;
fails)   sleep 0.2; echo "why it fails" >&2; exit 3 ;;
crashes) echo "line 1"; kill -SEGV $$; sleep 600 ;;
slow)    echo "line 1"; exec sleep 600 ;;
chatty)  awk 'BEGIN { pad = sprintf("%190s", ""); gsub(" ", "x", pad)
             for (i = 1; i <= ${CHATTY_LINES}; i++) print "line " i " " pad }'
         echo "$result" ;;
large)   printf '{"metrics":{"kind":"large","pad":"'; head -c ${LARGE} /dev/zero | tr '\\0' x; echo '"}}' ;;
forks)   for i in 1 2 3; do
             (trap '' TERM HUP INT; sh -c 'trap "" TERM HUP INT; echo $PPID >>"$STORM/pids/$JOB.child"
                 echo $$ >>"$STORM/pids/$JOB.child"; while :; do sleep 600; done' "$3"; sleep 600) &
         done
         until [ "$(cat "$3/pids/$2.child" 2>/dev/null | wc -l)" -eq 6 ]; do sleep 0.02; done
         echo "$result" ;;
noise)   echo "line 1"; echo "$result"; echo "line 2"; echo "{ not JSON"; printf 'and noise without an end' ;;
mute)    echo "no result at all" ;;
talks)   i=0; while :; do i=$((i + 1)); echo "line $i"; sleep 0.01; done ;;
waits)   echo "line 1"; exec sleep 600 ;;
esac
`;

const done = (kind) => (job) => {
  const { pad, ...metrics } = job.result?.metrics ?? {};
  return JSON.stringify(metrics) === `{"kind":"${kind}"}` && (kind !== "large" || pad === "x".repeat(LARGE)) &&
    job.result.taskId === kind && job.result.configId === job.configId &&
    JSON.stringify(job.result.artifacts) === (kind === "large" ? "[]" : `["${job.jobId}"]`);
};
const failed = (pattern) => (job) => job.result === null && pattern.test(job.error);

// status: how it ends when nobody interferes; is_right(job): does `status` say why. cancel: the state in which it is
// cancelled. weight: how many of 60 there are.
export const kinds = {
  ok: { status: "COMPLETED", isRight: done("ok"), weight: 10 },
  held: { status: "COMPLETED", isRight: done("held"), weight: 0 }, // until there is a file, root/go
  fails: { status: "FAILED", isRight: failed(/^exit code 3: why it fails$/), weight: 6 },
  crashes: { status: "FAILED", isRight: failed(/^killed by signal 11$/), weight: 5 },
  slow: { status: "FAILED", isRight: failed(/did not end within 0\.3 s/), weight: 4 },
  chatty: { status: "COMPLETED", isRight: done("chatty"), weight: 2 },
  large: { status: "COMPLETED", isRight: done("large"), weight: 6 },
  forks: { status: "COMPLETED", isRight: done("forks"), weight: 4 },
  noise: { status: "COMPLETED", isRight: done("noise"), weight: 5 },
  mute: { status: "FAILED", isRight: failed(/^it printed no line that is a JSON object$/), weight: 3 },
  missing: { status: "FAILED", isRight: failed(/nowhere/), weight: 3 },
  talks: { status: "CANCELLED", isRight: (job) => job.result === null, cancel: "RUNNING", weight: 4 },
  waits: { status: "CANCELLED", isRight: (job) => job.result === null, cancel: "QUEUED", weight: 8 },
};

// Sections for mcp.ini.
export const evalsIni = Object.keys(kinds).map((kind) => {
  const command = kind === "missing" ? "bin/nowhere" : `bin/storm.sh ${kind} {jobId} {root}`;
  return `[eval ${kind}]\ncommand = ${command}\ntimeout = ${kind === "slow" ? "300ms" : "1m"}\n`;
}).join("");

// The programs below the gateway's folder.
export class Programs {
  constructor(dir) {
    this.dir = dir;
    this.pids = path.join(dir, "root/pids");
    fs.mkdirSync(this.pids, { recursive: true });
    fs.mkdirSync(path.join(dir, "bin"));
    fs.writeFileSync(path.join(dir, "bin/storm.sh"), script, { mode: 0o755 });
  }

  // The ids that the job's programs ("self") or what they forked ("child") wrote down.
  written(jobId, which) {
    try {
      return fs.readFileSync(path.join(this.pids, `${jobId}.${which}`), "utf8").split("\n").filter(Boolean)
        .map((line) => Number(line.split(" ")[0]));
    } catch {
      return [];
    }
  }

  // The process groups of all programs of the kind that ever were started, or of all kinds.
  groups(kind = "") {
    const files = fs.readdirSync(this.pids).filter((name) => name.endsWith(".self"));
    const lines = files.flatMap((name) => fs.readFileSync(path.join(this.pids, name), "utf8").split("\n"));
    return new Set(lines.filter((line) => line.endsWith(kind)).map((line) => Number(line.split(" ")[0])));
  }

  // All processes of evaluations of this folder that live: { pid, group, command }.
  living() {
    return fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((pid) => this.#look(pid)).filter(Boolean);
  }

  #look(pid) {
    try {
      const read = (name) => fs.readFileSync(`/proc/${pid}/${name}`, "latin1");
      const command = read("cmdline");
      const isOurs = /storm\.sh/.test(command) && command.includes(this.dir) || read("environ").includes(`STORM=${this.dir}/`);
      if (!isOurs) return undefined; // also one that ended and that nobody has waited for
      const [state, , group] = read("stat").replace(/^.*\) /s, "").split(" ");
      return state === "Z" || state === "X" ? undefined : { pid: Number(pid), group: Number(group), command };
    } catch {
      return undefined;
    }
  }
}
