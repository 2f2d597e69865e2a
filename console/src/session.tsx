import { useQueryClient } from "@tanstack/react-query";
import { createContext, useCallback, useContext, useEffect, useMemo, useState, type ReactNode } from "react";
import { ApiError, Client, client } from "./api/client";
import type { Session, User } from "./api/types";
import { takeAlong } from "./lib/keyInHand";
import { mayDo, maySee, type Act, type May } from "./lib/access";

// Who is signed in. A password makes a session whose cookie no script can read; an admin token stays in
// the client's memory. What is stored here is only that there may be a session worth asking for.
const MAYBE = "sm-session";

export interface Person {
  name: string;
  user: User | null; // null: the admin token
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
  // Asks again who one is, after one has changed it.
  renew: () => Promise<void>;
}

const Context = createContext<Access | null>(null);

function personOf(session: Session, by: Person["by"]): Person {
  return { name: session.user?.display_name ?? "admin", user: session.user, by, may: session.may };
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
    setState({ kind: "in", person: personOf(session, "session") });
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
    const trying = new Client(); // whose refusal is not the end of a session
    trying.useToken(token);
    const session = await trying.get<Session>("session");
    client.useToken(token);
    setState({ kind: "in", person: personOf(session, "token") });
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

  const renew = useCallback(async () => {
    const session = await client.get<Session>("session");
    setState((was) => (was.kind === "in" ? { kind: "in", person: personOf(session, was.person.by) } : was));
  }, []);

  const value = useMemo(
    () => ({ state, withPassword, withToken, setUp, signOut, renew }),
    [state, withPassword, withToken, setUp, signOut, renew],
  );
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useSession(): Access {
  const value = useContext(Context);
  if (!value) throw new Error("outside of <SessionProvider>");
  return value;
}

const NOTHING: May = [];

// What the person at the console may see and do, to decide what is shown.
export function useAccess() {
  const { state } = useSession();
  const may: May = state.kind === "in" ? state.person.may : NOTHING;
  return useMemo(
    () => ({
      // Whose own user this is; null: the admin token's.
      self: state.kind === "in" ? state.person.user : null,
      bySession: state.kind === "in" && state.person.by === "session",
      maySee: (view: string) => maySee(may, view),
      may: (act: Act, kind: string, tenant?: string | null) => mayDo(may, act, kind, tenant),
    }),
    [state, may],
  );
}
