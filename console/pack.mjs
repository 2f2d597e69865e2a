// node pack.mjs DIST OUT.cpp: the files that vite has built, compressed, as a C++ source.
// It fails when the first page needs more than it may.
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { extname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";

const FIRST_PAGE_BYTES_MAX = 300 * 1024; // of scripts, compressed
const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".json": "application/json",
};

const [dist, out] = process.argv.slice(2);
const files = readdirSync(dist, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(dist, join(entry.parentPath, entry.name)))
  .sort()
  .map((name) => {
    const type = TYPES[extname(name)];
    if (!type) throw new Error(`${name}: no content type is known for it; add one to pack.mjs`);
    const bytes = readFileSync(join(dist, name));
    // No name and no time in the header, so that the same files are the same bytes.
    return { name, type, bytes, gzip: gzipSync(bytes, { level: 9 }) };
  });

// The scripts that index.html names and those of the overview, with all that these import at once.
function firstPage() {
  const byName = new Map(files.map((file) => [file.name, file]));
  const wanted = [...byName.get("index.html").bytes.toString().matchAll(/"\/(assets\/[^"]+\.js)"/g)].map((m) => m[1]);
  wanted.push(files.find((file) => file.name.startsWith("assets/Overview-")).name);
  const seen = new Set();
  while (wanted.length > 0) {
    const name = wanted.pop();
    if (seen.has(name)) continue;
    seen.add(name);
    const text = byName.get(name).bytes.toString();
    for (const match of text.matchAll(/(?:from|import)\s*"\.\/([^"]+\.js)"/g)) wanted.push(`assets/${match[1]}`);
  }
  return [...seen].reduce((sum, name) => sum + byName.get(name).gzip.length, 0);
}

const first = firstPage();
const all = files.reduce((sum, file) => sum + file.gzip.length, 0);
console.log(`console: ${files.length} files, ${all} bytes compressed; scripts of the first page ${first}`);
if (first > FIRST_PAGE_BYTES_MAX) throw new Error(`the first page needs ${first} bytes of script, more than ${FIRST_PAGE_BYTES_MAX}`);

const text = ['#include "control/console_handler.h"', "", "namespace sovmesh::control {", "namespace {", ""];
files.forEach((file, i) => {
  text.push(`constexpr unsigned char kBytes${i}[] = {`);
  for (let at = 0; at < file.gzip.length; at += 40) text.push(file.gzip.subarray(at, at + 40).join(",") + ",");
  text.push("};");
});
text.push("", "template <std::size_t N>", "std::string_view view(const unsigned char (&bytes)[N]) {");
text.push("  return {reinterpret_cast<const char*>(bytes), N};", "}", "", "const ConsoleFile kFiles[] = {");
files.forEach((file, i) => {
  const etag = createHash("sha256").update(file.bytes).digest("hex").slice(0, 16);
  text.push(`    {"/${file.name}", "${file.type}", view(kBytes${i}), "\\"${etag}\\""},`);
});
text.push("};", "", "}  // namespace", "", "std::span<const ConsoleFile> console_files() { return kFiles; }", "", "}  // namespace sovmesh::control", "");
writeFileSync(out, text.join("\n"));
