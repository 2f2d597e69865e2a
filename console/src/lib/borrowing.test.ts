import { expect, test } from "vitest";
import type { PoolPart } from "../api/types";
import { borrowings } from "./borrowing";

const part = (name: string, level: PoolPart["level"], borrowed: string, lent: string): PoolPart => ({
  pool: "gpu", part: name, level, guaranteed: "0", weight: "1", used: "0", borrowed, lent, history: "0", waiting: 0, running: 0, managed_by: "api",
});

test("tenants that borrow stand with those that lend, the most first", () => {
  const parts = [
    part("", "pool", "0", "0"), part("east", "cohort", "0", "0.7"), part("east/aurora", "tenant", "0", "0.5"),
    part("east/cedar", "tenant", "0", "0.2"), part("borealis", "tenant", "0.1", "0"), part("delta", "tenant", "0.6", "0"),
    part("delta/research", "project", "0.6", "0"),
  ];
  expect(borrowings(parts)).toEqual([
    { pool: "gpu", borrowers: [{ name: "delta", gpus: 0.6 }, { name: "borealis", gpus: 0.1 }], lenders: [{ name: "aurora", gpus: 0.5 }, { name: "cedar", gpus: 0.2 }] },
  ]);
});

test("a pool in which nobody borrows is not mentioned", () => {
  expect(borrowings([part("aurora", "tenant", "0.001", "0")])).toEqual([]);
});
