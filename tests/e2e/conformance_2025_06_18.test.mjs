// conformance_2025_06_18.test.mjs - see lib/conformance.mjs.

import { passes } from "./lib/conformance.mjs";

passes("--spec-version", "2025-03-26");
passes("--spec-version", "2025-06-18");
