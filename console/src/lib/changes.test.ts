import { expect, test } from "vitest";
import { differing, isBlamed, members, shown } from "./changes";

test("a value is shown as people read it", () => {
  expect(shown(null)).toBe("–");
  expect(shown([])).toBe("–");
  expect(shown(false)).toBe("false");
  expect(shown(["a", "b"])).toBe("a, b");
  expect(shown([{ model: "v1", weight: 0 }, { model: "v2", weight: 3, share: null }])).toBe("model v1, weight 0; model v2, weight 3");
});

test("of a new object stands what somebody has said", () => {
  expect(members({ id: "01J", name: "far", url: "http://far/v1", artifact: null, tenants: [], revision: 1 })).toEqual([["name", "far"], ["url", "http://far/v1"]]);
  expect(members(null)).toEqual([]);
});

test("a change says what is otherwise, and nothing else", () => {
  expect(differing({ a: 1, b: [1, 2], c: null }, { a: 1, b: [2, 1], c: null, d: 4 })).toEqual({ b: [2, 1], d: 4 });
});

test("the server's blame finds the field and what stands around it", () => {
  expect(isBlamed("timeouts.total", "timeouts.total")).toBe(true);
  expect(isBlamed("versions[1].weight", "versions[1]")).toBe(true);
  expect(isBlamed("versions[10].weight", "versions[1]")).toBe(false);
  expect(isBlamed("engines", "engine")).toBe(false);
});
