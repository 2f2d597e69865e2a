import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import {
  checkConsistency, checkInclusion, checkSignature, equal, fromBase64, leafHash, nodeHash, parseCheckpoint, parseKeys,
  rootOfInclusion, tilePath, toBase64, toHex, type Checkpoint,
} from "./merkle";

// The example log that the offline verifier comes with.
const EXAMPLE = join(import.meta.dirname, "../../../tools/verify-audit/example");
const note = readFileSync(join(EXAMPLE, "checkpoint"), "utf8");
const keys = readFileSync(join(EXAMPLE, "keys"), "utf8");
const read = async (path: string) => new Uint8Array(readFileSync(join(EXAMPLE, path)));

function entries(): Uint8Array[] {
  const bytes = readFileSync(join(EXAMPLE, "tile/entries/000.p/3"));
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt16BE(at);
    out.push(new Uint8Array(bytes.subarray(at + 2, at + 2 + length)));
    at += 2 + length;
  }
  return out;
}

// A tree by the definition in RFC 6962, 2.1: slow, and written without the code under test.
async function mth(leaves: Uint8Array[]): Promise<Uint8Array> {
  if (leaves.length === 0) return new Uint8Array(await crypto.subtle.digest("SHA-256", new Uint8Array()));
  if (leaves.length === 1) return leaves[0]!;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(await mth(leaves.slice(0, k)), await mth(leaves.slice(k)));
}
async function path(m: number, leaves: Uint8Array[]): Promise<Uint8Array[]> {
  if (leaves.length <= 1) return [];
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  const [left, right] = [leaves.slice(0, k), leaves.slice(k)];
  return m < k ? [...(await path(m, left)), await mth(right)] : [...(await path(m - k, right)), await mth(left)];
}
async function leavesOf(count: number): Promise<Uint8Array[]> {
  return Promise.all(Array.from({ length: count }, (_, i) => leafHash(new TextEncoder().encode(`entry ${i}`))));
}

describe("the example log of tools/verify-audit", () => {
  test("its checkpoint is signed by its key", async () => {
    const checkpoint = parseCheckpoint(note);
    expect(checkpoint.size).toBe(3);
    expect((await checkSignature(checkpoint, await parseKeys(keys))).name).toBe(checkpoint.origin);
  });
  test("a changed root, size or key is found out", async () => {
    const known = await parseKeys(keys);
    const size = parseCheckpoint(note.replace("\n3\n", "\n4\n"));
    await expect(checkSignature(size, known)).rejects.toThrow("is false");
    const later = known.map((key) => ({ ...key, from: 10 }));
    await expect(checkSignature(parseCheckpoint(note), later)).rejects.toThrow("no key that you hold");
    await expect(parseKeys(keys.replace(/\+([0-9a-f])/, (_, digit: string) => `+${digit === "0" ? "1" : "0"}`))).rejects.toThrow("key id");
  });
  test("each entry is in its tree, and no other is", async () => {
    const checkpoint = parseCheckpoint(note);
    const leaves = await Promise.all(entries().map(leafHash));
    for (let i = 0; i < 3; ++i) {
      const proof = (await path(i, leaves)).map(toBase64);
      const text = new TextDecoder().decode(entries()[i]);
      await checkInclusion(i, text, proof, checkpoint);
      await expect(checkInclusion(i, `${text} `, proof, checkpoint)).rejects.toThrow("is not in the tree");
      await expect(checkInclusion((i + 1) % 3, text, proof, checkpoint)).rejects.toThrow();
    }
  });
  test("its tiles make its root, and it grew from each smaller one", async () => {
    const newer = parseCheckpoint(note);
    const leaves = await Promise.all(entries().map(leafHash));
    for (let size = 0; size <= 3; ++size) {
      const older: Checkpoint = { ...newer, size, root: await mth(leaves.slice(0, size)) };
      await checkConsistency(older, newer, read);
      await expect(checkConsistency({ ...older, root: leaves[2]! }, newer, read)).rejects.toThrow("not those of your checkpoint");
    }
  });
});

test("roots of RFC 6962's own test vectors", async () => {
  const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const leaves = await Promise.all(inputs.map((hex) => leafHash(Uint8Array.from(hex.match(/../g) ?? [], (b) => parseInt(b, 16)))));
  expect(toHex(await mth(leaves.slice(0, 1)))).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  expect(toHex(await mth(leaves))).toBe("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
});

test("a proof of any entry in a tree of any size leads to its root", async () => {
  const leaves = await leavesOf(40);
  for (let size = 1; size <= 40; ++size) {
    const root = await mth(leaves.slice(0, size));
    for (let i = 0; i < size; ++i) {
      const proof = await path(i, leaves.slice(0, size));
      expect(equal(await rootOfInclusion(i, size, leaves[i]!, proof), root)).toBe(true);
      await expect(rootOfInclusion(i, size, leaves[i]!, [...proof, root])).rejects.toThrow("too long");
      if (proof.length > 0) await expect(rootOfInclusion(i, size, leaves[i]!, proof.slice(1))).rejects.toThrow("too short");
    }
  }
});

describe("a log of several tiles", () => {
  const SIZE = 700;
  // Serves the tiles of `leaves`; `spoil` may change what is read.
  async function log(leaves: Uint8Array[], spoil: (path: string, bytes: Uint8Array) => void = () => {}) {
    const levels = [leaves];
    while (levels.at(-1)!.length >= 256) {
      const below = levels.at(-1)!;
      levels.push(await Promise.all(Array.from({ length: Math.floor(below.length / 256) }, (_, i) => mth(below.slice(i * 256, (i + 1) * 256)))));
    }
    return async (name: string) => {
      const match = /^tile\/(\d)\/(\d{3})(?:\.p\/(\d+))?$/.exec(name)!;
      const [level, tile, width] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 256)];
      const bytes = new Uint8Array(width * 32);
      levels[level]!.slice(tile * 256, tile * 256 + width).forEach((hash, i) => bytes.set(hash, i * 32));
      spoil(name, bytes);
      return bytes;
    };
  }
  const of = (size: number, root: Uint8Array): Checkpoint => ({ origin: "log", size, root, text: "", signatures: [] });

  test("has grown from each of its former sizes", async () => {
    const leaves = await leavesOf(SIZE);
    const newer = of(SIZE, await mth(leaves));
    for (const size of [1, 255, 256, 257, 511, 512, 513, 600, 699, 700])
      await checkConsistency(of(size, await mth(leaves.slice(0, size))), newer, await log(leaves));
  });
  test("that was rewritten is found out, even where its tiles lie about the past", async () => {
    const honest = await leavesOf(SIZE);
    const forged = [...honest];
    forged[10] = honest[11]!;
    const old = of(100, await mth(honest.slice(0, 100)));
    await expect(checkConsistency(old, of(SIZE, await mth(forged)), await log(forged))).rejects.toThrow("not those of your checkpoint");
    // Shows the old entries in the tile, while the root stands for the new ones.
    const lying = await log(forged, (name, bytes) => name === "tile/0/000" && bytes.set(honest[10]!, 320));
    await expect(checkConsistency(old, of(SIZE, await mth(forged)), lying)).rejects.toThrow("the tile above");
  });
  test("that lost entries, or is another one, is found out", async () => {
    const leaves = await leavesOf(20);
    const older = of(20, await mth(leaves));
    const newer = of(10, await mth(leaves.slice(0, 10)));
    await expect(checkConsistency(older, newer, await log(leaves))).rejects.toThrow("had 20 before");
    await expect(checkConsistency({ ...newer, origin: "other" }, older, await log(leaves))).rejects.toThrow("two logs");
  });
});

test("tiles have the paths of tlog-tiles", () => {
  expect(tilePath(0, 0, 3)).toBe("tile/0/000.p/3");
  expect(tilePath(1, 1_234_067, 256)).toBe("tile/1/x001/x234/067");
});

test("base64 has one spelling", () => {
  expect(() => fromBase64("AB==")).toThrow("one spelling");
  expect(() => fromBase64("*")).toThrow("not base64");
});
