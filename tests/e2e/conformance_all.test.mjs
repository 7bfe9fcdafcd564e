// conformance_all.test.mjs - see lib/conformance.mjs.

import { passes } from "./lib/conformance.mjs";

passes("--suite", "all");
