import { expect, test } from "vitest";
import { SseReader } from "./sse";

const STREAM = ': hello\n\ndata: {"a":"å"}\n\nevent: x\ndata: one\ndata:two\n\ndata: [DONE]\n\n';

test("a stream cut at any byte is the same events", () => {
  const bytes = new TextEncoder().encode(STREAM);
  for (let cut = 0; cut <= bytes.length; ++cut) {
    const reader = new SseReader();
    expect([...reader.push(bytes.slice(0, cut)), ...reader.push(bytes.slice(cut))]).toEqual(['{"a":"å"}', "one\ntwo", "[DONE]"]);
  }
});

test("an event that has not ended is not there yet", () => {
  expect(new SseReader().push(new TextEncoder().encode("data: half"))).toEqual([]);
});
