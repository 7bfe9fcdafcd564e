// conformance_2025_11_25.test.mjs - see lib/conformance.mjs.

import { passes } from "./lib/conformance.mjs";

passes("--requirements", "2025-11-25");
