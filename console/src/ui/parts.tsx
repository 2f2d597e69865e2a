import { useEffect, useState, type ReactNode } from "react";
import { Button as AriaButton, type ButtonProps } from "react-aria-components";
import { ApiError } from "../api/client";
import type { Managed } from "../api/types";
import { useT, type Translate } from "../i18n";

export function Button({ kind = "plain", ...props }: ButtonProps & { kind?: "plain" | "main" | "danger" | "quiet" | "menu" }) {
  return <AriaButton {...props} className={`button ${kind}`} />;
}

// Begins every page: sets the title of the window, too.
export function PageHead({ title, above, children }: { title: string; above?: ReactNode; children?: ReactNode }) {
  const t = useT();
  useEffect(() => {
    document.title = `${title} – ${t("app.name")}`;
  }, [title, t]);
  return (
    <header className="page-head">
      <div>
        {above && <div className="above">{above}</div>}
        <h1>{title}</h1>
      </div>
      <div className="actions">{children}</div>
    </header>
  );
}

export function Section({ title, actions, children }: { title: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="card" aria-label={title}>
      <div className="card-head">
        <h2>{title}</h2>
        {actions && <div className="actions">{actions}</div>}
      </div>
      {children}
    </section>
  );
}

export type Tone = "good" | "bad" | "warn" | "calm";
export function Badge({ tone = "calm", children }: { tone?: Tone; children: ReactNode }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

export function Loading() {
  const t = useT();
  return (
    <p className="loading" role="status">
      <span className="spinner" aria-hidden="true" />
      {t("app.loading")}
    </p>
  );
}

export function Empty({ title, children, action }: { title: string; children: ReactNode; action?: ReactNode }) {
  return (
    <div className="empty">
      <h3>{title}</h3>
      <p>{children}</p>
      {action}
    </div>
  );
}

function advice(error: ApiError, t: Translate): string {
  if (error.code === "unreachable") return t("error.unreachable");
  if (error.code === "timeout") return t("error.timeout");
  if (error.status === 403) return t("error.denied");
  if (error.status === 404) return t("error.not_found");
  if (error.status === 409) return t("error.conflict");
  if (error.status === 412) return t("error.stale");
  if (error.status === 429) return t("error.busy");
  if (error.status >= 500) return t("error.server");
  return error.status >= 400 ? t("error.invalid") : "";
}

// What went wrong, in the server's words, and what to do about it.
export function ErrorBox({ error, onRetry }: { error: unknown; onRetry?: () => void }) {
  const t = useT();
  const known = error instanceof ApiError;
  return (
    <div className="error" role="alert">
      <strong>{t("error.title")}</strong>
      {known ? (
        <>
          {error.status > 0 && (
            <p>
              {error.param && <code>{error.param}: </code>}
              {error.message}
            </p>
          )}
          <p className="muted">{advice(error, t)}</p>
        </>
      ) : (
        <p>{String(error)}</p>
      )}
      {onRetry && <Button onPress={onRetry}>{t("app.retry")}</Button>}
    </div>
  );
}

interface Read<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}
// What is read: its data, or that it is on its way, or why not. An error beside older data shows both.
export function Loaded<T>({ read, children }: { read: Read<T>; children: (data: T) => ReactNode }) {
  return (
    <>
      {read.error ? <ErrorBox error={read.error} onRetry={() => void read.refetch()} /> : null}
      {read.data !== undefined ? children(read.data) : read.error ? null : <Loading />}
    </>
  );
}

export function Facts({ facts }: { facts: [string, ReactNode][] }) {
  return (
    <dl className="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

export function Copyable({ text, label }: { text: string; label: string }) {
  const t = useT();
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard.writeText(text).then(() => setCopied(true), () => setCopied(false));
  };
  return (
    <div className="copyable">
      <pre tabIndex={0} aria-label={label}><code>{text}</code></pre>
      <Button onPress={() => void copy()} aria-label={`${t("app.copy")}: ${label}`}>{copied ? t("app.copied") : t("app.copy")}</Button>
      <span className="hidden" role="status">{copied ? t("app.copied") : ""}</span>
    </div>
  );
}

export const isOurs = (object: Managed) => object.managed_by === "api";
export function ManagedNote({ object }: { object: Managed }) {
  const t = useT();
  if (object.managed_by === "file") return <p className="note">{object.source ? t("app.by_file.text", { source: object.source }) : t("app.by_file.only")}</p>;
  if (object.managed_by === "engine") return <p className="note">{t("app.by_engine")}</p>;
  return null;
}
export function ManagedBadge({ object }: { object: Managed }) {
  const t = useT();
  if (object.managed_by === "file") return <Badge>{t("app.by_file")}</Badge>;
  return object.managed_by === "engine" ? <Badge>{t("app.by_engine")}</Badge> : null;
}

// A part of a whole, as a picture; the number stands beside it in text.
export function Meter({ label, percent }: { label: string; percent: number }) {
  const tone = percent >= 95 ? "bad" : percent >= 80 ? "warn" : "good";
  return (
    <span className="meter">
      <progress className={tone} max={100} value={Math.min(100, percent)} aria-label={label} />
      <span>{percent.toFixed(percent < 10 ? 1 : 0)} %</span>
    </span>
  );
}

export function download(name: string, text: string, type: string) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
