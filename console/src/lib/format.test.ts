import { beforeEach, describe, expect, test } from "vitest";
import { bytes, decimal, fileSize, microText, micros, money, percentOf, seconds, setLocale, share, utcDay } from "./format";

beforeEach(() => setLocale("en"));

describe("money", () => {
  test("keeps every digit", () => {
    expect(decimal("9007199254740993.000001")).toBe("9,007,199,254,740,993.000001");
    expect(money("-12.50", "DKK")).toBe("-12.50 DKK");
    expect(microText(459)).toBe("0.000459");
    expect(microText(-12_500_000)).toBe("-12.50");
    expect(microText(0)).toBe("0.00");
  });
  test("is written as its readers write it", () => {
    setLocale("da");
    expect(decimal("1234567.89")).toBe("1.234.567,89");
  });
  test("that is not known is no zero", () => {
    expect(money(null, "DKK")).toBe("–");
  });
});

describe("times", () => {
  test("have the unit that fits", () => {
    expect(micros(601)).toBe("601 µs");
    expect(micros(16_199)).toBe("16.2 ms");
    expect(micros(2_500_000)).toBe("2.5 s");
    expect(seconds(59)).toBe("59 s");
    expect(seconds(3_725)).toBe("1 h 2 min");
  });
  test("days go back over the end of a month", () => {
    expect(utcDay(new Date("2026-12-01T00:30:00Z"), 1)).toBe("2026-11-30");
  });
});

test("memory has the unit that fits", () => {
  expect(bytes(0)).toBe("0 B");
  expect(bytes(1_023)).toBe("1,023 B");
  expect(bytes(51_234 * 1_024)).toBe("50 MiB");
  expect(bytes(64.5 * 2 ** 30)).toBe("64.5 GiB");
});

test("how full a limit is", () => {
  expect(percentOf("62.5", "250.00")).toBe(25);
  expect(percentOf(null, 10)).toBeNull();
  expect(percentOf(1, 0)).toBeNull();
});

test("a size is said as people say it, in their language", () => {
  expect([7, 999, 1_000, 7_241_732_096, 999_960].map(fileSize)).toEqual(["7 B", "999 B", "1 kB", "7.24 GB", "1 MB"]);
  setLocale("da");
  expect([fileSize(7_241_732_096), bytes(51_275_366), share(0.25)]).toEqual(["7,24 GB", "48,9 MiB", "25,0\u00a0%"]);
  setLocale("en");
});
