// conformance_tasks.test.mjs - the extension of tasks, see lib/conformance.mjs.

import { tasksPass } from "./lib/conformance.mjs";

tasksPass();
