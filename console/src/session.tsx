import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { ApiError, client } from "./api/client";
import type { Session, System } from "./api/types";
import { takeAlong } from "./lib/keyInHand";
import { mayDo, maySee, type Act, type May } from "./lib/access";

// Who is signed in. A password makes a session whose cookie no script can read; an admin token stays in
// the client's memory. What is stored here is only that there may be a session worth asking for.
const MAYBE = "sm-session";

export interface Person {
  name: string;
  by: "session" | "token";
  may: May;
}
type State = { kind: "asking" } | { kind: "out"; ended: boolean } | { kind: "in"; person: Person };

interface Access {
  state: State;
  withPassword: (login: string, password: string) => Promise<void>;
  withToken: (token: string) => Promise<void>;
  // The first administrator of a new server, by the one-time token that its first start has printed.
  setUp: (token: string, login: string, password: string) => Promise<void>;
  signOut: () => Promise<void>;
}

const Context = createContext<Access | null>(null);

function personOf(session: Session): Person {
  return { name: session.user.display_name ?? session.user.login ?? "", by: "session", may: session.may };
}

export function SessionProvider({ children }: { children: ReactNode }) {
  const queries = useQueryClient();
  const [state, setState] = useState<State>(() =>
    localStorage.getItem(MAYBE) ? { kind: "asking" } : { kind: "out", ended: false },
  );

  const leave = useCallback(
    (ended: boolean) => {
      client.forget();
      localStorage.removeItem(MAYBE);
      queries.clear(); // nothing of one person for the next one
      takeAlong("");
    setState({ kind: "out", ended });
    },
    [queries],
  );

  const enter = useCallback((session: Session) => {
    client.useSession(session);
    localStorage.setItem(MAYBE, "1");
    setState({ kind: "in", person: personOf(session) });
  }, []);

  useEffect(() => {
    client.onSignedOut = () => leave(true);
    if (!localStorage.getItem(MAYBE)) return;
    client.get<Session>("session").then(enter, (error: unknown) => {
      // A server that cannot be reached says nothing about the session.
      if (error instanceof ApiError && error.status === 0) setState({ kind: "out", ended: false });
      else leave(true);
    });
  }, [enter, leave]);

  const withPassword = useCallback(
    async (login: string, password: string) =>
      enter(await client.call<Session>("POST", "sessions", { body: { login, password } })),
    [enter],
  );
  const withToken = useCallback(async (token: string) => {
    client.forget();
    const headers = { authorization: `Bearer ${token}` };
    const answer = await fetch("/api/v1/system", { headers, cache: "no-store" }).catch(() => null);
    if (!answer) throw new ApiError(0, "unreachable", "");
    if (!answer.ok) throw new ApiError(answer.status, "invalid_api_key", "");
    (await answer.json()) as System;
    client.useToken(token);
    setState({ kind: "in", person: { name: "admin", by: "token", may: null } });
  }, []);
  const setUp = useCallback(
    async (token: string, login: string, password: string) => {
      await client.call("POST", "setup", { body: { token, login, password } });
      await withPassword(login, password);
    },
    [withPassword],
  );
  const signOut = useCallback(async () => {
    if (state.kind === "in" && state.person.by === "session") await client.call("DELETE", "session").catch(() => {});
    leave(false);
  }, [leave, state]);

  const value = useMemo(() => ({ state, withPassword, withToken, setUp, signOut }), [state, withPassword, withToken, setUp, signOut]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): Access {
  const value = useContext(Context);
  if (!value) throw new Error("outside of <SessionProvider>");
  return value;
}

// What the person at the console may see and do, to decide what is shown.
export function useAccess() {
  const { state } = useSession();
  const may: May = state.kind === "in" ? state.person.may : [];
  return {
    maySee: (view: string) => maySee(may, view),
    may: (act: Act, kind: string, tenant?: string) => mayDo(may, act, kind, tenant),
  };
}
