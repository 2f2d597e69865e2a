import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { Link } from "react-router";
import { client } from "../api/client";
import { useT } from "../i18n";
import { members, type Trial } from "../lib/changes";
import { memberText, memberValue } from "../lib/members";
import { Blaming, Box } from "./forms";
import { Button, ErrorBox, Facts, Loading } from "./parts";
import { Changes } from "./preview";

interface Write {
  method: "POST" | "PATCH" | "DELETE";
  path: string;
  body?: unknown;
  revision?: number | undefined; // that somebody has seen
}

const tryOut = ({ method, path, ...options }: Write) => client.call<Trial>(method, `${path}?dry_run=true`, options);
const carryOut = <T,>({ method, path, ...options }: Write) => client.call<T>(method, path, options);

// What would be otherwise. It is gone to, so that nobody confirms by a second press of the same key.
function WhatItDoes({ trial }: { trial: Trial }) {
  const t = useT();
  const [name, value] = [memberText(t), memberValue(t)];
  const place = useRef<HTMLElement>(null);
  useEffect(() => place.current?.focus(), []);
  return (
    <section ref={place} tabIndex={-1} aria-label={t("tried.title")} className="tried">
      <h3>{t(trial.action === "delete" ? "trial.delete" : `tried.${trial.action}`)}</h3>
      {trial.action === "create" && <Facts facts={members(trial.after).map(([member, one]) => [name(member), value(member, one)])} />}
      {trial.action === "change" && <Changes of={trial} />}
    </section>
  );
}

// Asks for something, shows what the server would make of it, and does that when it is confirmed. What was typed
// stays when the server says no, which is shown where it blames.
export function TriedBox<T>({ title, text, submit, write, onDone, onClose, children, ready = true, wide }: {
  title: string;
  text?: ReactNode;
  submit: string;
  write: () => Write;
  onDone?: (made: T) => unknown;
  onClose: () => void;
  children: ReactNode;
  ready?: boolean;
  wide?: boolean;
}) {
  const t = useT();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [tried, setTried] = useState<{ of: Write; trial: Trial } | null>(null);
  const back = (reason: unknown) => {
    setTried(null);
    setError(reason);
  };
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      if (tried === null) {
        const of = write();
        setTried({ of, trial: await tryOut(of) });
        setBusy(false);
        return;
      }
      const made = await carryOut<T>(tried.of);
      onClose();
      await onDone?.(made);
      void queries.invalidateQueries();
    } catch (reason) {
      back(reason);
      setBusy(false);
    }
  };
  return (
    <Box title={title} onClose={onClose} wide={wide}>
      <form onSubmit={(event) => void go(event)} aria-busy={busy}>
        <div hidden={tried !== null}>
          {text && <p>{text}</p>}
          <Blaming error={error}>{children}</Blaming>
        </div>
        {tried !== null && <WhatItDoes trial={tried.trial} />}
        {error ? <ErrorBox error={error} /> : null}
        <div className="form-end">
          {tried === null ? (
            <>
              <Button onPress={onClose}>{t("app.cancel")}</Button>
              <Button key="try" type="submit" kind="main" isDisabled={busy || !ready}>{t("tried.look")}</Button>
            </>
          ) : (
            <>
              <Button onPress={() => back(null)}>{t("tried.back")}</Button>
              <Button key="do" type="submit" kind="main" isDisabled={busy || tried.trial.action === "none"}>{submit}</Button>
            </>
          )}
        </div>
      </form>
    </Box>
  );
}

// What is in the way of a deletion.
export interface User {
  text: string;
  to: string; // where the console shows it
}

// Asks before something goes. Whether it may is asked of the server at once; `users`: what needs it.
export function DeleteBox({ title, text, path, revision, users, onDone, onClose }: {
  title: string;
  text: string;
  path: string;
  revision: number | undefined;
  users?: User[];
  onDone?: () => unknown;
  onClose: () => void;
}) {
  const t = useT();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const [write] = useState<Write>({ method: "DELETE", path, revision }); // as it was seen, while pages read it again
  const tried = useQuery({ queryKey: ["tried", write.path, write.revision], queryFn: () => tryOut(write), gcTime: 0, staleTime: Infinity });
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await carryOut(write);
      onClose();
      await onDone?.();
      void queries.invalidateQueries();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return (
    <Box title={title} onClose={onClose}>
      <form onSubmit={(event) => void go(event)} aria-busy={busy || tried.isPending}>
        <p>{text}</p>
        {users && users.length > 0 && (
          <div className="note warn">
            {t("tried.used")}
            <ul>{users.map((one) => <li key={one.to}><Link to={one.to} onClick={onClose}>{one.text}</Link></li>)}</ul>
          </div>
        )}
        {tried.isPending && <Loading />}
        {error || tried.error ? <ErrorBox error={error ?? tried.error} /> : null}
        <div className="form-end">
          <Button onPress={onClose}>{t("app.cancel")}</Button>
          <Button type="submit" kind="danger" isDisabled={busy || !tried.isSuccess}>{t("app.delete")}</Button>
        </div>
      </form>
    </Box>
  );
}
