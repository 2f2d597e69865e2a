import { useEffect, useState } from "react";
import { client } from "../api/client";
import { useT } from "../i18n";
import type { Trial } from "../lib/changes";
import { memberText, memberValue } from "../lib/members";
import { isRefusal, untilLookedAt } from "../lib/trying";
import { Change } from "./forms";
import { ErrorBox } from "./parts";

const TYPING_MS = 300;

export interface Trying {
  trial: Trial | null; // nothing yet
  error: unknown;
  stale: boolean; // it is about what stood in the fields before
  blocked: boolean; // the server says no to what stands in the fields now, or has not said anything
}

// What a write would do, asked of the server whenever what is typed has rested. null: there is nothing to ask.
export function useTrial(method: "POST" | "PATCH" | "DELETE", path: string, body: object | null, revision?: number): Trying {
  const [told, setTold] = useState<{ of: string; trial: Trial | null; error: unknown } | null>(null);
  const wanted = body === null ? null : JSON.stringify(body);
  const of = JSON.stringify([method, path, wanted, revision]);
  useEffect(() => {
    if (wanted === null) return setTold(null);
    const stopping = new AbortController();
    const options = { revision, signal: stopping.signal, ...(method === "DELETE" ? {} : { body: JSON.parse(wanted) as object }) };
    const ask = async () => {
      try {
        const trial = await untilLookedAt(() => client.call<Trial>(method, `${path}?dry_run=true`, options), (ms) => new Promise((go) => setTimeout(go, ms)));
        setTold({ of, trial, error: null });
      } catch (error) {
        if (!stopping.signal.aborted) setTold({ of, trial: null, error });
      }
    };
    const timer = setTimeout(() => void ask(), TYPING_MS);
    return () => {
      clearTimeout(timer);
      stopping.abort();
    };
  }, [method, path, wanted, revision, of]);
  const stale = wanted !== null && told?.of !== of;
  return { trial: told?.trial ?? null, error: told?.error ?? null, stale, blocked: stale || isRefusal(told?.error) };
}

// The members that a write changes, before and after.
export function Changes({ of }: { of: Trial }) {
  const t = useT();
  const value = memberValue(t);
  return of.changes.map(({ member, before, after }) => <Change key={member} what={memberText(t)(member)} before={value(member, before)} after={value(member, after)} />);
}

// What the server says that it would change, or why it would not do it.
export function TrialBox({ of: { trial, error, stale } }: { of: Trying }) {
  const t = useT();
  return (
    <div className={stale ? "stale" : undefined} aria-busy={stale}>
      {error ? (
        <ErrorBox error={error} />
      ) : (
        <div role="status" aria-label={t("trial.title")}>
          {trial?.action === "delete" && <p>{t("trial.delete")}</p>}
          {trial?.action === "none" && <p>{t("tried.none")}</p>}
          {trial && <Changes of={trial} />}
        </div>
      )}
    </div>
  );
}
