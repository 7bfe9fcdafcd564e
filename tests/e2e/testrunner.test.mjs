// testrunner.test.mjs - what `moongate test` promises of the machine that a case has: what does not run, what limits nobody,
// and what ends a case.

import assert from "node:assert/strict";
import fs from "node:fs";
import test from "node:test";

import { Gateway, runBinary } from "./lib/gateway.mjs";

function site(t, tools, ini = "[rate_limit]\nbucket = 0\n") {
  const gw = new Gateway({ ini, tools });
  t.after(() => gw.remove());
  gw.run = (...args) => runBinary(["-c", gw.iniPath, ...args], { cwd: gw.dir });
  return gw;
}

const tests = (text) => `local mcp = require "mcp"\nlocal t = mcp.testing\n${text}`;

test("in a test nothing runs that was not called, no limit on how many or how often holds, and jobs end with the case", async (t) => {
  const gw = site(t, {
    "busy.lua": `
      local mcp = require "mcp"
      local notes = mcp.state.open("busy.notes", { key = "id" })
      local at_once, most = 0, 0
      return mcp.tool {
        name = "busy", description = "Two at once.", needs = {}, icons = {},
        input = { type = "object", properties = { job = { type = "boolean" } } },
        limits = { concurrent = 1 },
        start = function() notes:put { id = "start" } end,
        every = { "1s", function() notes:put { id = "every" } end },
        run = function(args)
          if args.job then
            return mcp.jobs.start { run = function()
              notes:put { id = "began" }
              mcp.time.sleep(5)
              notes:put { id = "ended" }
            end }
          end
          at_once = at_once + 1
          most = math.max(most, at_once)
          mcp.time.sleep(0.1)
          at_once = at_once - 1
          return most
        end,
      }`,
    "busy_test.lua": tests(`
      t.case("starts nothing by itself", function()
        t.clock:advance(3600)
        t.eq(t.state("busy.notes"), {})
      end)
      t.case("calls as many at once, and as often, as it likes", function()
        local calls = {}
        for i = 1, 5 do calls[i] = function() return t.call("busy").value end end
        t.eq(math.max(mcp.all(calls)), 5)
        for _ = 1, 20 do t.eq(t.call("busy").ok, true) end
      end)
      t.case("leaves a job", function()
        t.eq(t.call("busy", { job = true }).ok, true)
        t.clock:advance(1)
        t.eq(#t.state("busy.notes"), 1)
      end)
      t.case("has none of it in the next case", function()
        t.clock:advance(60)
        t.eq(t.state("busy.notes"), {})
      end)
      t.case("sees a job to its end when it waits for it", function()
        t.call("busy", { job = true })
        t.clock:advance(6)
        t.eq(#t.state("busy.notes"), 2)
      end)`),
  }, "[rate_limit]\nbucket = 1\nwindow = 1h\n[tool busy]\nconcurrent = 1\nrate = 1/1h\n");
  const run = await gw.run("test");
  assert.equal(run.code, 0, run.stdout + run.stderr);
  assert.match(run.stdout, /5 tests, 0 failed\n$/);
  assert.deepEqual(fs.readdirSync(gw.root), [], "no state of the operator's was made");
});

test("a case that does not end is ended", async (t) => {
  const gw = site(t, {
    "slow_test.lua": tests(`
      t.case("loops", function() while true do end end, { timeout = 0.2 })
      t.case("has the next one its turn", function() t.eq(1, 1) end)
      t.case("expects an error, and which", function()
        t.eq(t.raises(function() error("no such thing", 0) end, "such"), "no such thing")
      end)
      t.case("fails without one", function() t.raises(function() end) end)
      t.case("fails with another", function() t.raises(function() error("a") end, "b") end)`),
  });
  const run = await gw.run("test");
  assert.equal(run.code, 1, run.stdout + run.stderr);
  assert.match(run.stdout, /5 tests, 3 failed\n$/);
  for (const name of ["loops", "fails without one", "fails with another"])
    assert.match(run.stdout, new RegExp(`^FAIL .*: ${name}`, "m"));
});
