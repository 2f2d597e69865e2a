import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const SDK = fileURLToPath(new URL("..", import.meta.url));

test("the check notices a document that has changed", () => {
  const root = mkdtempSync(join(tmpdir(), "sovmesh-"));
  const copy = join(root, "sdk", "node");
  mkdirSync(join(copy, "src"), { recursive: true });
  mkdirSync(join(root, "api"));
  for (const name of ["generate.mjs", "package.json", "src/api.ts"]) cpSync(join(SDK, name), join(copy, name));
  symlinkSync(join(SDK, "node_modules"), join(copy, "node_modules"));
  const document = readFileSync(join(SDK, "../../api/openapi.yaml"), "utf8");
  const check = () => execFileSync(process.execPath, ["generate.mjs", "--check"], { cwd: copy, stdio: "pipe" });
  writeFileSync(join(root, "api/openapi.yaml"), document);
  check();
  writeFileSync(join(root, "api/openapi.yaml"), document.replace("operationId: getTenant", "operationId: seeTenant"));
  assert.throws(check, /not as api\/openapi.yaml has it now/);
  rmSync(root, { recursive: true });
});
