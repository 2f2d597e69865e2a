import { ApiError } from "../api/client";

// The server has looked at a write and says no: to what is asked, or because somebody was faster.
const REFUSALS = new Set([400, 403, 404, 409, 412]);
// It has not looked: ask again.
const LATER = new Set([408, 429]);
export const PAUSE_MS = 2_000;
export const TRIES_MAX = 5;

export const isRefusal = (error: unknown) => error instanceof ApiError && REFUSALS.has(error.status);

// Asks until the server has looked at it, with pauses, or too often.
export async function untilLookedAt<T>(ask: () => Promise<T>, pause: (ms: number) => Promise<void>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await ask();
    } catch (error) {
      if (tries === TRIES_MAX || !(error instanceof ApiError) || !LATER.has(error.status)) throw error;
    }
    await pause(PAUSE_MS);
  }
}
