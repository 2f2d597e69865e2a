// Reading a stream to its end, and knowing what end that was.
import { OpenAIError } from "openai";
import type { ChatCompletionChunk } from "openai/resources/chat/completions";
import type { Completion, CompletionUsage } from "openai/resources/completions";
import type { Stream } from "openai/streaming";

import { type Problem, problemOf } from "./errors.ts";
import { type Meta, meta } from "./meta.ts";

/** A stream has ended before its answer had: what came so far is not a complete answer. */
export class TruncatedStream extends OpenAIError {
  constructor() {
    super("The stream has ended before its answer had: something on the way cut it off.");
  }
}

/**
 * Why an answer ended early with `finish_reason: "length"` although it had `max_tokens` left: a limit was used
 * up, or somebody waited for its guaranteed share. null: it was not cut.
 */
export function cutOf(answer: object): Problem | null {
  const why = (answer as { sm_limit?: unknown }).sm_limit;
  return why == null ? null : problemOf(why);
}

/** What `.create({ stream: true })` gives back. */
export interface Streamed<T> {
  withResponse(): Promise<{ data: Stream<T>; response: Response }>;
}

/** Iterates over a stream; throws TruncatedStream where the SDK would just stop. */
export class Reading<T extends ChatCompletionChunk | Completion> implements AsyncIterable<T> {
  /** What the headers say, which were there before the answer: its cost is not among it. */
  readonly meta: Meta;
  /** With `stream_options: { include_usage: true }`, at the end. */
  usage: CompletionUsage | null = null;
  /** Why it ended early. */
  cut: Problem | null = null;
  /** Of each choice; null: it goes on. */
  readonly finishReasons = new Map<number, string | null>();
  readonly #stream: Stream<T>;

  constructor(stream: Stream<T>, response: Response) {
    this.#stream = stream;
    this.meta = meta(response);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for await (const chunk of this.#stream) {
      for (const choice of chunk.choices) {
        const reason = choice.finish_reason ?? this.finishReasons.get(choice.index) ?? null;
        this.finishReasons.set(choice.index, reason);
      }
      this.usage = chunk.usage ?? this.usage;
      this.cut = cutOf(chunk) ?? this.cut;
      yield chunk;
    }
    // Whoever hung up himself has got what he wanted.
    if (this.#stream.controller.signal.aborted) return;
    if (this.finishReasons.size === 0 || [...this.finishReasons.values()].includes(null)) throw new TruncatedStream();
  }

  /** Hangs up: frees the request's place; what was generated until then counts. */
  close(): void {
    this.#stream.controller.abort();
  }
}

/** `const reading = await read(client.chat.completions.create({ ..., stream: true }))` */
export async function read<T extends ChatCompletionChunk | Completion>(call: Streamed<T>): Promise<Reading<T>> {
  const { data, response } = await call.withResponse();
  return new Reading(data, response);
}
