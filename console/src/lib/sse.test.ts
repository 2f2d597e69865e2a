import { expect, test } from "vitest";
import { SseReader } from "./sse";

const STREAM = ': hello\n\ndata: {"a":"å"}\n\nevent: x\nid: 7\ndata: one\ndata:two\n\nid: 8\n\ndata: [DONE]\n\n';
const EVENTS = [
  { event: "message", id: "", data: '{"a":"å"}' },
  { event: "x", id: "7", data: "one\ntwo" },
  { event: "message", id: "8", data: "[DONE]" },
];

test("a stream cut at any byte is the same events", () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let cut = 0; cut <= bytes.length; ++cut) {
    const reader = new SseReader();
    expect([...reader.push(bytes.slice(0, cut)), ...reader.push(bytes.slice(cut))]).toEqual(EVENTS);
  }
});

test("lines end as they like", () => {
  expect(new SseReader().push(new TextEncoder().encode("event: live\r\ndata: 1\r\n\r\n"))).toEqual([{ event: "live", id: "", data: "1" }]);
});

test("an event that has not ended is not there yet", () => {
  expect(new SseReader().push(new TextEncoder().encode("data: half"))).toEqual([]);
});
