import type { PoolPart } from "../api/types";

// Who uses more of a pool than his guarantee, and whose guarantee he uses. A pool does not know which
// share came from whom, so those who lend stand together.
interface Borrowing {
  pool: string;
  borrowers: { name: string; gpus: number }[];
  lenders: { name: string; gpus: number }[];
}

// Below: rounding, and what was borrowed for an instant.
const LEAST = 0.005;

export function borrowings(parts: PoolPart[]): Borrowing[] {
  const pools = new Map<string, Borrowing>();
  for (const part of parts) {
    if (part.level !== "tenant" || part.pool === "") continue;
    const here = pools.get(part.pool) ?? { pool: part.pool, borrowers: [], lenders: [] };
    pools.set(part.pool, here);
    const name = part.part.split("/").at(-1)!;
    if (Number(part.borrowed) >= LEAST) here.borrowers.push({ name, gpus: Number(part.borrowed) });
    if (Number(part.lent) >= LEAST) here.lenders.push({ name, gpus: Number(part.lent) });
  }
  const most = (a: { gpus: number }, b: { gpus: number }) => b.gpus - a.gpus;
  return [...pools.values()]
    .filter((one) => one.borrowers.length > 0)
    .map((one) => ({ ...one, borrowers: one.borrowers.sort(most), lenders: one.lenders.sort(most) }));
}
