import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "pack-"));
  mkdirSync(join(folder, "dist/assets"), { recursive: true });
  write("index.html", '<script type="module" src="/assets/index-1.js"></script>');
  write("assets/index-1.js", 'import"./parts-1.js";import("./Later-1.js")');
  write("assets/Overview-1.js", "1");
  write("assets/Later-1.js", noise(500_000));
  write("assets/parts-1.js", noise(1_000));
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, text: string) => writeFileSync(join(folder, "dist", name), text);
// Text that does not get smaller than half its size.
const noise = (bytes: number) => randomBytes(bytes / 2).toString("hex");
const pack = () => execFileSync(process.execPath, [join(import.meta.dirname, "pack.mjs"), join(folder, "dist"), join(folder, "out.cpp")], { stdio: "pipe" }).toString();

test("what the first page does not need may be large", () => {
  expect(pack()).toContain("5 files");
  const text = readFileSync(join(folder, "out.cpp"), "utf8");
  expect(text).toContain('{"/assets/index-1.js", "text/javascript; charset=utf-8", view(');
});

test("a first page of more than 300 KiB of script is no build", () => {
  write("assets/parts-1.js", noise(800_000));
  expect(pack).toThrow("more than 307200");
});

test("a file of an unknown kind is no build", () => {
  write("assets/font.woff2", "");
  expect(pack).toThrow("no content type");
});

test("the same files are the same bytes", () => {
  pack();
  const first = readFileSync(join(folder, "out.cpp"), "utf8");
  pack();
  expect(readFileSync(join(folder, "out.cpp"), "utf8")).toBe(first);
});
