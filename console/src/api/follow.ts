import { ApiError } from "./client";

// How a view that shows what happens now gets it: from a stream, or by asking again and again where
// there is none to be had (all streams of the caller are taken, or something between holds them up).
export type Following = "connecting" | "streaming" | "polling" | "refused";

export interface Source {
  // Until the server ends it. `heard`: that it is there, or of each thing that it has told.
  stream: (heard: () => void, signal: AbortSignal) => Promise<void>;
  poll: (signal: AbortSignal) => Promise<void>;
}

const POLL_MS = 3_000;
const POLLS = 10; // before the stream is tried again
const AGAIN_MS = 1_000;
const AGAIN_MS_MAX = 30_000;

export type Wait = (ms: number, signal: AbortSignal) => Promise<void>;

// Resolves when the time is over or nobody waits any more.
export const wait: Wait = (ms, signal) =>
  new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });

const refusesStream = (error: unknown) => error instanceof ApiError && (error.code === "no_stream" || error.status === 429);
// The server will say the same again.
const isFinal = (error: unknown) => error instanceof ApiError && [401, 403, 404].includes(error.status);

// Runs until `signal`, or until the server refuses the caller.
export async function follow(source: Source, say: (state: Following) => void, signal: AbortSignal, rest: Wait = wait): Promise<void> {
  let again = AGAIN_MS;
  while (!signal.aborted) {
    try {
      say("connecting");
      await source.stream(() => say("streaming"), signal);
      again = AGAIN_MS;
    } catch (error) {
      if (signal.aborted) return;
      if (isFinal(error)) return say("refused");
      if (refusesStream(error) && !(await polled(source, say, signal, rest))) return;
      again = Math.min(2 * again, AGAIN_MS_MAX);
    }
    await rest(again, signal);
  }
}

// For a while. False: the server refuses the caller.
async function polled(source: Source, say: (state: Following) => void, signal: AbortSignal, rest: Wait): Promise<boolean> {
  for (let i = 0; i < POLLS && !signal.aborted; ++i) {
    try {
      await source.poll(signal);
      say("polling");
    } catch (error) {
      if (!signal.aborted && isFinal(error)) {
        say("refused");
        return false;
      }
    }
    await rest(POLL_MS, signal);
  }
  return true;
}
