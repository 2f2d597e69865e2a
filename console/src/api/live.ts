import { useEffect, useRef, useState } from "react";
import { presence } from "../lib/idle";
import { follow, type Following, type Source } from "./follow";

const LOOK_MS = 5_000; // whether somebody is still there

const isWatched = () => document.visibilityState === "visible" && !presence.isAway();

// Whether somebody looks at the page: it is seen, and a key or the mouse was touched not long ago.
function useWatched(): boolean {
  const [watched, setWatched] = useState(isWatched);
  useEffect(() => {
    const look = () => setWatched(isWatched());
    const timer = setInterval(look, LOOK_MS);
    for (const kind of ["visibilitychange", "pointerdown", "keydown"]) document.addEventListener(kind, look);
    return () => {
      clearInterval(timer);
      for (const kind of ["visibilitychange", "pointerdown", "keydown"]) document.removeEventListener(kind, look);
    };
  }, []);
  return watched;
}

// Follows while the page is watched; `name` says what, so that another one begins anew.
export function useFollowing(name: string, source: Source): Following | "paused" {
  const watched = useWatched();
  const [state, setState] = useState<Following>("connecting");
  const latest = useRef(source);
  useEffect(() => {
    latest.current = source;
  });
  useEffect(() => {
    if (!watched) return;
    const stop = new AbortController();
    const now: Source = { stream: (heard, signal) => latest.current.stream(heard, signal), poll: (signal) => latest.current.poll(signal) };
    void follow(now, setState, stop.signal);
    return () => stop.abort();
  }, [watched, name]);
  return watched || state === "refused" ? state : "paused";
}
