import { useEffect, useState } from "react";
import { ApiError, client } from "../api/client";
import type { DryRun } from "../api/types";
import { useT } from "../i18n";
import { Change } from "./forms";
import { ErrorBox } from "./parts";

const TYPING_MS = 300;

export interface Trial {
  tried: DryRun | null; // nothing yet
  error: unknown;
  refused: boolean; // the server says no to what stands in the fields now
}

// What a write would do, asked of the server whenever what is typed has rested. null: there is nothing to ask.
export function useTrial(method: "POST" | "PATCH" | "DELETE", path: string, body: object | null, revision?: number): Trial {
  const [trial, setTrial] = useState<Trial>({ tried: null, error: null, refused: false });
  const wanted = body === null ? null : JSON.stringify(body);
  useEffect(() => {
    if (wanted === null) return setTrial({ tried: null, error: null, refused: false });
    const stopping = new AbortController();
    const ask = async () => {
      try {
        const options = { revision, signal: stopping.signal, ...(method === "DELETE" ? {} : { body: JSON.parse(wanted) as object }) };
        setTrial({ tried: await client.call<DryRun>(method, `${path}?dry_run=true`, options), error: null, refused: false });
      } catch (error) {
        if (!stopping.signal.aborted) setTrial({ tried: null, error, refused: error instanceof ApiError && error.status >= 400 && error.status < 500 });
      }
    };
    const timer = setTimeout(() => void ask(), TYPING_MS);
    return () => {
      clearTimeout(timer);
      stopping.abort();
    };
  }, [method, path, wanted, revision]);
  return trial;
}

// What the server says that it would change, member by member, or why it would not do it.
export function TrialBox({ trial, name, value }: { trial: Trial; name: (member: string) => string; value: (member: string, of: unknown) => string }) {
  const t = useT();
  if (trial.error) return <ErrorBox error={trial.error} />;
  return (
    <div role="status" aria-label={t("trial.title")}>
      {trial.tried?.action === "delete" && <p>{t("trial.delete")}</p>}
      {trial.tried?.action === "none" && <p>{t("trial.none")}</p>}
      {trial.tried?.changes.map(({ member, before, after }) => (
        <Change key={member} what={name(member)} before={value(member, before)} after={value(member, after)} />
      ))}
    </div>
  );
}
