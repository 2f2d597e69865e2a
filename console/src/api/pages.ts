import { useCallback, useEffect, useRef, useState } from "react";
import { client } from "./client";
import type { Page } from "./types";

// A list that is read page by page, newest first, as far as somebody wants: other than useList it does
// not begin with all of it, and what was read stays as it was.
const FIRST = 200; // objects
const NEXT = 1_000;
const ROWS_MAX = 100_000;
// A server that looks at only so much at once answers with short pages where a filter is narrow.
const CALLS = 4;
const ENOUGH = 20;

interface Pages<T> {
  rows: T[] | undefined; // nothing yet
  hasMore: boolean;
  isLoading: boolean;
  searchedUntil: string | null; // how far back it has looked, where there is more
  error: unknown;
}
type Next = { after: string | null } | null; // null: that was all

export function usePages<T>(path: string) {
  const [state, setState] = useState<Pages<T>>({ rows: undefined, hasMore: false, isLoading: true, searchedUntil: null, error: null });
  const next = useRef<Next>({ after: null });
  const rows = useRef<T[]>([]);
  const running = useRef(new AbortController());

  const read = useCallback(
    async (all: boolean) => {
      running.current.abort();
      const mine = (running.current = new AbortController());
      const [had, size] = [rows.current.length, next.current?.after === null ? FIRST : NEXT];
      const isEnough = (calls: number) => rows.current.length >= ROWS_MAX || (!all && (calls >= CALLS || rows.current.length - had >= ENOUGH));
      setState((was) => ({ ...was, isLoading: true, error: null }));
      try {
        for (let calls = 0; next.current !== null && !isEnough(calls); ++calls) {
          const after: string = next.current.after === null ? "" : `&after=${encodeURIComponent(next.current.after)}`;
          const page: Page<T> = await client.get<Page<T>>(`${path}${path.includes("?") ? "&" : "?"}limit=${size}${after}`, mine.signal);
          rows.current = rows.current.concat(page.data);
          next.current = page.has_more && page.next !== null ? { after: page.next } : null;
          setState({ rows: rows.current, hasMore: next.current !== null, isLoading: true, searchedUntil: page.searched_until ?? null, error: null });
        }
        setState((was) => ({ ...was, isLoading: false }));
      } catch (error) {
        if (!mine.signal.aborted) setState((was) => ({ ...was, isLoading: false, error }));
      }
    },
    [path],
  );
  const restart = useCallback(() => {
    next.current = { after: null };
    rows.current = [];
    void read(false);
  }, [read]);
  useEffect(() => {
    setState({ rows: undefined, hasMore: false, isLoading: true, searchedUntil: null, error: null });
    restart();
    return () => running.current.abort();
  }, [restart]);
  return { ...state, more: () => void read(false), all: () => void read(true), restart };
}
