import { expect, test } from "vitest";
import { fill } from "./index";
import { da } from "./da";
import { en } from "./en";

const holes = (text: string) => [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]).sort();

test("every language fills in the same values", () => {
  for (const key of Object.keys(en) as (keyof typeof en)[]) expect(holes(da[key]), key).toEqual(holes(en[key]));
});

test("a value that nobody gave stays visible", () => {
  expect(fill("{a} of {b}", { a: 1 })).toBe("1 of {b}");
});
