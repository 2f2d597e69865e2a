import { expect, test } from "vitest";
import { randomText, weaknessOf } from "./password";

test("a password is refused for what the page can know", () => {
  expect(weaknessOf("eleven char", "ann")).toBe("short");
  expect(weaknessOf("ååååååååååå1", "ann")).toBe(null); // characters count, not bytes
  expect(weaknessOf("x".repeat(255) + "ab", "ann")).toBe("long");
  expect(weaknessOf("Ann@Aurora.example", "ann@aurora.example")).toBe("login");
  expect(weaknessOf("aaaaaaaaaaaaaa", "ann")).toBe("repeated");
  expect(weaknessOf("blue kettle 47 north", "ann")).toBe(null);
});

test("a password that is suggested is good enough, and another one each time", () => {
  const one = randomText();
  expect(one).toMatch(/^([a-z2-9]{4}-){4}[a-z2-9]{4}$/);
  expect(weaknessOf(one, "ann")).toBe(null);
  expect(randomText()).not.toBe(one);
});

test("every byte of chance gives a letter", () => {
  const every = randomText((bytes) => bytes.fill(255));
  expect(every).toBe("9999-9999-9999-9999-9999");
});
