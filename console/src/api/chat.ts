import { ApiError, errorOf } from "./client";
import { SseReader } from "../lib/sse";

// Requests to models, with a tenant's key, as any program sends them: the server's address is the
// console's own, so nothing here knows of another one.

export interface ChatRequest {
  model: string;
  system: string;
  message: string;
  temperature: number | null;
  tokensMax: number | null;
}
export interface ChatEnd {
  request: string | null; // its id
  version: string | null; // of a route
  prompt: number | null;
  output: number | null;
  firstMs: number | null;
  totalMs: number;
}

export function bodyOf(ask: ChatRequest) {
  return {
    model: ask.model,
    messages: [...(ask.system ? [{ role: "system", content: ask.system }] : []), { role: "user", content: ask.message }],
    ...(ask.temperature === null ? {} : { temperature: ask.temperature }),
    ...(ask.tokensMax === null ? {} : { max_tokens: ask.tokensMax }),
  };
}

const headers = (key: string) => ({ authorization: `Bearer ${key}`, "content-type": "application/json" });

export async function modelsOf(key: string): Promise<string[]> {
  const answer = await fetch("/v1/models", { headers: headers(key), credentials: "omit", cache: "no-store" });
  if (!answer.ok) throw await errorOf(answer);
  return ((await answer.json()) as { data: { id: string }[] }).data.map((model) => model.id).sort();
}

interface Event {
  choices?: { delta?: { content?: string | null } }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  error?: { message: string; code?: string | null };
}

// Tells each piece of the answer as it comes.
export async function chat(key: string, ask: ChatRequest, tell: (text: string) => void, signal: AbortSignal): Promise<ChatEnd> {
  const began = performance.now();
  const body = JSON.stringify({ ...bodyOf(ask), stream: true, stream_options: { include_usage: true } });
  const answer = await fetch("/v1/chat/completions", { method: "POST", headers: headers(key), body, signal, credentials: "omit", cache: "no-store" });
  if (!answer.ok || !answer.body) throw await errorOf(answer);
  const end: ChatEnd = {
    request: answer.headers.get("x-sm-request-id"), version: answer.headers.get("x-sm-model"),
    prompt: null, output: null, firstMs: null, totalMs: 0,
  };
  const events = new SseReader();
  const bytes = answer.body.getReader();
  for (let piece = await bytes.read(); !piece.done; piece = await bytes.read()) {
    for (const { data } of events.push(piece.value)) {
      if (data === "[DONE]") continue;
      const event = JSON.parse(data) as Event;
      if (event.error) throw new ApiError(answer.status, event.error.code ?? "", event.error.message);
      const text = event.choices?.[0]?.delta?.content ?? "";
      if (text && end.firstMs === null) end.firstMs = performance.now() - began;
      if (text) tell(text);
      if (event.usage) [end.prompt, end.output] = [event.usage.prompt_tokens, event.usage.completion_tokens];
    }
  }
  end.totalMs = performance.now() - began;
  return end;
}
