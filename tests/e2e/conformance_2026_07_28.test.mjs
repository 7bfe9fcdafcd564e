// conformance_2026_07_28.test.mjs - see lib/conformance.mjs.

import { passes } from "./lib/conformance.mjs";

passes("--requirements", "2026-07-28");
