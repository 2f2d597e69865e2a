// Makes src/api.ts from api/openapi.yaml with openapi-typescript. --check: only says whether it is as it would be made.
import { readFileSync, writeFileSync } from "node:fs";

import openapiTS, { astToString } from "openapi-typescript";

const head = "// Made from api/openapi.yaml by sdk/node/generate.mjs. Do not edit.\n";
const target = new URL("src/api.ts", import.meta.url);
const made = head + astToString(await openapiTS(new URL("../../api/openapi.yaml", import.meta.url)));

if (process.argv.includes("--check")) {
  let there = "";
  try {
    there = readFileSync(target, "utf8");
  } catch {}
  if (there !== made) {
    console.error("sdk/node/src/api.ts: not as api/openapi.yaml has it now. Run sdk/generate.");
    process.exit(1);
  }
} else {
  writeFileSync(target, made);
}
