import { expect, test } from "vitest";
import { apiBase, snippets } from "./snippets";

test("an address gets the /v1 that programs want, once", () => {
  expect(apiBase("http://gateway:8080")).toBe("http://gateway:8080/v1");
  expect(apiBase(" https://ai.example/t/aurora/v1/ ")).toBe("https://ai.example/t/aurora/v1");
  expect(apiBase("javascript:alert(1)")).toBeNull();
  expect(apiBase("gateway")).toBeNull();
});

test("every program has the address, the key and the model", () => {
  for (const { text } of snippets("http://gateway:8080/v1", "sm-1-2-3", "llama")) {
    expect(text).toContain("http://gateway:8080/v1");
    expect(text).toContain("sm-1-2-3");
    expect(text).toContain("llama");
  }
});

test("a quote in a message ends no text", () => {
  const [curl, python, node] = snippets("http://g/v1", "k", "m", { messages: [{ role: "user", content: `it's "so"\n$(rm)` }] });
  expect(curl!.text).toContain(`it'\\''s \\"so\\"\\n$(rm)`);
  for (const one of [python, node]) expect(one!.text).toContain(String.raw`"it's \"so\"\n$(rm)"`);
});
