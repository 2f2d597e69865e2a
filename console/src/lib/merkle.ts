// The audit log's tree (RFC 6962) and its signed checkpoints (C2SP signed-note), checked with
// WebCrypto alone. docs/audit.md defines every byte of it.

const TILE = 256;
const HASH = 32;

class Unproven extends Error {}

async function sha256(...parts: Uint8Array[]): Promise<Uint8Array> {
  const joined = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let to = 0;
  for (const part of parts) {
    joined.set(part, to);
    to += part.length;
  }
  return new Uint8Array(await crypto.subtle.digest("SHA-256", joined));
}

const LEAF = Uint8Array.of(0);
const NODE = Uint8Array.of(1);
export const leafHash = (entry: Uint8Array) => sha256(LEAF, entry);
export const nodeHash = (left: Uint8Array, right: Uint8Array) => sha256(NODE, left, right);

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
  } catch {
    throw new Unproven(`not base64: ${text.slice(0, 40)}`);
  }
  if (toBase64(bytes) !== text) throw new Unproven(`not the one spelling in base64: ${text.slice(0, 40)}`);
  return bytes;
}
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}
export function toHex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// The root that a proof leads to (RFC 9162, 2.1.3.2). Sizes below 2^48, as the log's: numbers are exact.
export async function rootOfInclusion(index: number, size: number, leaf: Uint8Array, proof: Uint8Array[]): Promise<Uint8Array> {
  if (!(Number.isSafeInteger(index) && Number.isSafeInteger(size) && index >= 0 && index < size))
    throw new Unproven(`entry ${index} is not in a tree of ${size}`);
  let node = index;
  let last = size - 1;
  let hash = leaf;
  for (const sibling of proof) {
    if (last === 0) throw new Unproven("the proof is too long");
    if (sibling.length !== HASH) throw new Unproven("a hash of the proof has not 32 bytes");
    if (node % 2 === 1 || node === last) {
      hash = await nodeHash(sibling, hash);
      while (node % 2 === 0 && node !== 0) {
        node /= 2;
        last = Math.floor(last / 2);
      }
    } else {
      hash = await nodeHash(hash, sibling);
    }
    node = Math.floor(node / 2);
    last = Math.floor(last / 2);
  }
  if (last !== 0) throw new Unproven("the proof is too short");
  return hash;
}

// The root of a tree over `hashes`, which stand for subtrees of equal size.
async function rootOf(hashes: Uint8Array[]): Promise<Uint8Array> {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return hashes[0]!;
  let split = 1;
  while (split * 2 < hashes.length) split *= 2;
  return nodeHash(await rootOf(hashes.slice(0, split)), await rootOf(hashes.slice(split)));
}

// "x001/x234/067" for 1,234,067.
export function tilePath(level: number, index: number, width: number): string {
  let rest = index;
  let text = String(rest % 1_000).padStart(3, "0");
  for (rest = Math.floor(rest / 1_000); rest > 0; rest = Math.floor(rest / 1_000))
    text = `x${String(rest % 1_000).padStart(3, "0")}/${text}`;
  return `tile/${level}/${text}${width === TILE ? "" : `.p/${width}`}`;
}

type ReadFile = (path: string) => Promise<Uint8Array>;

// The tiles along the right edge of a tree. Each that is full in the tree of `size` is checked against
// the tile above it, so that the older tree's root is made of hashes that the newer one stands for.
class Tiles {
  private readonly known = new Map<string, Uint8Array[]>();
  constructor(
    private readonly size: number,
    private readonly read: ReadFile,
  ) {}

  private countAt(level: number): number {
    return Math.floor(this.size / TILE ** level);
  }

  async tile(level: number, index: number): Promise<Uint8Array[]> {
    const name = `${level}/${index}`;
    const there = this.known.get(name);
    if (there) return there;
    const width = Math.min(TILE, this.countAt(level) - index * TILE);
    const path = tilePath(level, index, width);
    const bytes = await this.read(path);
    if (bytes.length !== width * HASH) throw new Unproven(`${path}: ${bytes.length} bytes, wanted ${width * HASH}`);
    const hashes = Array.from({ length: width }, (_, i) => bytes.subarray(i * HASH, (i + 1) * HASH));
    if (width === TILE) {
      const above = await this.tile(level + 1, Math.floor(index / TILE));
      if (!equal(await rootOf(hashes), above[index % TILE]!)) throw new Unproven(`${path} is not what the tile above it says`);
    }
    this.known.set(name, hashes);
    return hashes;
  }

  // The root of the first `size` entries, 0 < size <= this.size.
  async root(size: number): Promise<Uint8Array> {
    let right: Uint8Array | null = null;
    for (let level = 0; TILE ** level <= size; ++level) {
      const hashes = Math.floor(size / TILE ** level);
      const loose = hashes % TILE;
      if (loose === 0) continue;
      const tile = await this.tile(level, Math.floor(hashes / TILE));
      right = await foldRight(tile.slice(0, loose), right);
    }
    return right!;
  }
}

// The root of complete subtrees of equal size, followed by a smaller, incomplete one.
async function foldRight(hashes: Uint8Array[], rest: Uint8Array | null): Promise<Uint8Array> {
  let right = rest;
  let left = hashes;
  while (left.length > 0) {
    const ones = left.length & -left.length; // the smallest complete part at the end
    const part = await rootOf(left.slice(left.length - ones));
    right = right === null ? part : await nodeHash(part, right);
    left = left.slice(0, left.length - ones);
  }
  return right!;
}

// That the tree of `newer` begins with all entries of the tree of `older`.
export async function checkConsistency(older: Checkpoint, newer: Checkpoint, read: ReadFile): Promise<void> {
  if (older.origin !== newer.origin) throw new Unproven(`the checkpoints are of two logs: ${older.origin} and ${newer.origin}`);
  if (older.size > newer.size) throw new Unproven(`the log has ${newer.size} entries and had ${older.size} before`);
  if (newer.size === 0) return;
  const tiles = new Tiles(newer.size, read);
  if (!equal(await tiles.root(newer.size), newer.root)) throw new Unproven("the tiles do not make the root of the new checkpoint");
  const before = older.size === 0 ? await sha256() : await tiles.root(older.size);
  if (!equal(before, older.root)) throw new Unproven(`the first ${older.size} entries of the log are not those of your checkpoint`);
}

// --- signed notes --------------------------------------------------------------------------------

export interface Checkpoint {
  origin: string;
  size: number;
  root: Uint8Array;
  text: string; // what is signed
  signatures: { name: string; bytes: Uint8Array }[];
}

export function parseCheckpoint(note: string): Checkpoint {
  const normal = note.replace(/\r\n/g, "\n").trimStart();
  const cut = normal.indexOf("\n\n");
  if (cut < 0) throw new Unproven("no checkpoint: an empty line stands before its signatures");
  const text = normal.slice(0, cut + 1);
  const [origin = "", size = "", root = ""] = text.split("\n");
  if (origin === "" || !/^(0|[1-9][0-9]{0,15})$/.test(size)) throw new Unproven("no checkpoint: want a name, a number and a root");
  const signatures = normal
    .slice(cut + 2)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .map((line) => {
      const match = /^— (\S+) (\S+)$/.exec(line);
      if (!match) throw new Unproven(`no signature line: ${line.slice(0, 60)}`);
      return { name: match[1]!, bytes: fromBase64(match[2]!) };
    });
  const hash = fromBase64(root);
  if (hash.length !== HASH) throw new Unproven("the root has not 32 bytes");
  return { origin, size: Number(size), root: hash, text, signatures };
}

interface VerifierKey {
  name: string;
  id: Uint8Array;
  key: Uint8Array<ArrayBuffer>; // Ed25519
  from: number; // trees of so many entries
  until: number;
}

// A key list: "NAME+KEYID+BASE64 [FROM UNTIL]" lines. Witnesses' keys are passed over.
export async function parseKeys(list: string): Promise<VerifierKey[]> {
  const keys: VerifierKey[] = [];
  for (const line of list.split("\n").map((text) => text.trim())) {
    if (line === "" || line.startsWith("#")) continue;
    const [text = "", from = "0", until = "-"] = line.split(/\s+/);
    const match = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(text);
    if (!match) throw new Unproven(`no verifier key: ${line.slice(0, 60)}`);
    const bytes = fromBase64(match[3]!);
    const id = (await sha256(new TextEncoder().encode(`${match[1]}\n`), bytes)).slice(0, 4);
    if (toHex(id) !== match[2]) throw new Unproven(`the key id of ${match[1]} is not that of its key`);
    if (bytes[0] !== 1) continue;
    keys.push({ name: match[1]!, id, key: bytes.slice(1), from: Number(from), until: until === "-" ? Infinity : Number(until) });
  }
  if (keys.length === 0) throw new Unproven("no verifier key of a log is given");
  return keys;
}

// That one of `keys`, which may sign a tree of this size, has signed it, and that none has signed falsely.
export async function checkSignature(checkpoint: Checkpoint, keys: VerifierKey[]): Promise<VerifierKey> {
  let good: VerifierKey | null = null;
  for (const { name, bytes } of checkpoint.signatures) {
    const known = keys.find((key) => key.name === name && equal(key.id, bytes.subarray(0, 4)));
    if (!known) continue;
    const key = await crypto.subtle.importKey("raw", known.key, "Ed25519", false, ["verify"]);
    const holds = await crypto.subtle.verify("Ed25519", key, bytes.slice(4), new TextEncoder().encode(checkpoint.text));
    if (!holds) throw new Unproven(`the signature of ${name} is false`);
    if (name === checkpoint.origin && checkpoint.size >= known.from && checkpoint.size <= known.until) good = known;
  }
  if (!good) throw new Unproven("no key that you hold has signed the checkpoint");
  return good;
}

// That `entry` is in the tree that `checkpoint` stands for.
export async function checkInclusion(index: number, entry: string, proof: string[], checkpoint: Checkpoint): Promise<void> {
  const leaf = await leafHash(new TextEncoder().encode(entry));
  const root = await rootOfInclusion(index, checkpoint.size, leaf, proof.map(fromBase64));
  if (!equal(root, checkpoint.root)) throw new Unproven(`entry ${index} is not in the tree of the checkpoint`);
}
