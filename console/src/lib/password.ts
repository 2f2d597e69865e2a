// What the server asks of a password as far as a page can know it; the server also knows the common ones.
const PASSWORD_MIN = 12; // characters
const BYTES_MAX = 256;

type Weakness = "short" | "long" | "login" | "repeated";

export function weaknessOf(password: string, login: string): Weakness | null {
  const characters = [...password];
  if (characters.length < PASSWORD_MIN) return "short";
  if (new TextEncoder().encode(password).length > BYTES_MAX) return "long";
  if (password.toLowerCase() === login.trim().toLowerCase()) return "login";
  if (new Set(characters).size === 1) return "repeated";
  return null;
}

// No letters that are mistaken for one another; 32 of them, so that each byte of chance gives one evenly.
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";
const GROUPS = 5;
const GROUP = 4;

// 100 bits of chance that can be read out: "k7pq-2mzd-…".
export function randomText(fill: (bytes: Uint8Array<ArrayBuffer>) => unknown = (bytes) => crypto.getRandomValues(bytes)): string {
  const bytes = new Uint8Array(GROUPS * GROUP);
  fill(bytes);
  const letters = [...bytes].map((byte) => LETTERS[byte % LETTERS.length]!);
  return Array.from({ length: GROUPS }, (_, i) => letters.slice(i * GROUP, (i + 1) * GROUP).join("")).join("-");
}
