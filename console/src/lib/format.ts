// Numbers, times and money as people read them. Money never goes through floating point.

let locale = "en";
export function setLocale(next: string) {
  locale = next;
}

export function count(value: number): string {
  return new Intl.NumberFormat(locale).format(value);
}

// 12,345 -> "12.3K": where the place is small.
export function short(value: number): string {
  return new Intl.NumberFormat(locale, { notation: "compact", maximumFractionDigits: 1 }).format(value);
}

// Something in a second: 0, 0.25, 3.1, 1,240.
export function rate(value: number): string {
  return new Intl.NumberFormat(locale, { maximumSignificantDigits: value < 100 ? 2 : 4 }).format(value);
}

// Decimal text of the API, grouped for reading; every digit stays.
export function decimal(text: string | number | null | undefined): string {
  if (text === null || text === undefined) return "–";
  const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(String(text));
  if (!match) return String(text);
  const [, sign, whole = "0", fraction] = match;
  const parts = new Intl.NumberFormat(locale).formatToParts(1000.5);
  const point = parts.find((part) => part.type === "decimal")?.value ?? ".";
  const grouped = new Intl.NumberFormat(locale).format(BigInt(whole));
  return sign + grouped + (fraction === undefined ? "" : point + fraction);
}

// Millionths of a currency's unit, exactly: 1234500 -> "1.2345", at least two decimals.
export function microText(micro: number): string {
  const value = BigInt(micro);
  const sign = value < 0n ? "-" : "";
  const digits = (value < 0n ? -value : value).toString().padStart(7, "0");
  const fraction = digits.slice(-6).replace(/0+$/, "").padEnd(2, "0");
  return `${sign}${digits.slice(0, -6)}.${fraction}`;
}

export function money(amount: string | number | null | undefined, currency?: string | null): string {
  if (amount === null || amount === undefined) return "–";
  return currency ? `${decimal(amount)} ${currency}` : decimal(amount);
}

export function time(text: string | null | undefined): string {
  if (!text) return "–";
  const moment = new Date(text);
  if (Number.isNaN(moment.getTime())) return text;
  return new Intl.DateTimeFormat(locale, { dateStyle: "medium", timeStyle: "medium" }).format(moment);
}

// "14:03:09" of a moment in seconds since 1970.
export function clock(seconds: number): string {
  return new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(new Date(seconds * 1_000));
}

export function day(text: string): string {
  return new Intl.DateTimeFormat(locale, { month: "short", day: "numeric", timeZone: "UTC" }).format(new Date(`${text}T00:00:00Z`));
}

// 1234 us -> "1.2 ms".
export function micros(us: number): string {
  if (us < 1_000) return `${count(us)} µs`;
  const [value, unit] = us < 1_000_000 ? [us / 1_000, "ms"] : [us / 1_000_000, "s"];
  return `${new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 }).format(value)} ${unit}`;
}

export function seconds(total: number): string {
  if (total < 60) return `${total} s`;
  if (total < 3_600) return `${Math.floor(total / 60)} min ${total % 60} s`;
  return `${Math.floor(total / 3_600)} h ${Math.floor((total % 3_600) / 60)} min`;
}

// How full something is, in percent, of decimal texts; null: cannot be said.
export function percentOf(used: string | number | null, amount: string | number): number | null {
  const whole = Number(amount);
  if (used === null || !Number.isFinite(whole) || whole <= 0) return null;
  return (100 * Number(used)) / whole;
}

// "2026-11-25" in UTC, `back` days before `now`.
export function utcDay(now: Date, back = 0): string {
  return new Date(now.getTime() - back * 86_400_000).toISOString().slice(0, 10);
}
export const utcMonth = (now: Date) => now.toISOString().slice(0, 7);

// 0.25 -> "25.0%".
export function share(part: number): string {
  return new Intl.NumberFormat(locale, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 }).format(part);
}

function scaled(total: number, step: number, units: string[], digits: Intl.NumberFormatOptions): string {
  let [value, unit] = [total, 0];
  while (value >= step - 0.5 && unit < units.length - 1) [value, unit] = [value / step, unit + 1];
  return `${new Intl.NumberFormat(locale, unit === 0 ? {} : digits).format(value)} ${units[unit]}`;
}
// Of memory, as a person reads it: "48.9 MiB".
export const bytes = (total: number) => scaled(total, 1_024, ["B", "KiB", "MiB", "GiB", "TiB"], { maximumFractionDigits: 1 });
// Of files, as file managers and model cards say it: 7_241_732_096 -> "7.24 GB".
export const fileSize = (total: number) => scaled(total, 1_000, ["B", "kB", "MB", "GB", "TB", "PB"], { maximumSignificantDigits: 3 });
