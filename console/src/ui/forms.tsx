import { useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useEffect, useId, useRef, useState, type FormEvent, type ReactNode } from "react";
import { Dialog, FieldError, Heading, Input, Label, Modal, ModalOverlay, Text, TextArea, TextField } from "react-aria-components";
import { ApiError } from "../api/client";
import { useT } from "../i18n";
import { isBlamed } from "../lib/changes";
import { Button, ErrorBox } from "./parts";

// What the server has against a form, for the field that it blames.
const Refused = createContext<unknown>(null);

function useBlame(param: string | undefined): string | null {
  const error = useContext(Refused);
  return param !== undefined && error instanceof ApiError && error.param !== null && isBlamed(error.param, param) ? error.message : null;
}

// Around fields: they show what is wrong with them, folded parts are unfolded for it, and the first one is gone to.
// `told`: what was said unasked, which takes nobody away from where he types.
export function Blaming({ error, told, children }: { error: unknown; told?: unknown; children: ReactNode }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const first = error ? place.current?.querySelector<HTMLElement>("[aria-invalid=true], [data-blamed]") : null;
    if (!first) return;
    first.closest("details")?.setAttribute("open", "");
    first.focus();
  }, [error]);
  return (
    <Refused value={error ?? told}>
      <div ref={place} onInvalidCapture={(event) => (event.target as HTMLElement).closest("details")?.setAttribute("open", "")}>{children}</div>
    </Refused>
  );
}

// Says what is wrong with something that is no single field.
export function Blame({ param }: { param: string }) {
  const why = useBlame(param);
  return why === null ? null : <p className="field-error" tabIndex={-1} data-blamed>{why}</p>;
}

// `param`: what the API calls it, for its errors.
export function Field({ label, help, value, onChange, optional, lines, param, ...more }: {
  label: string;
  help?: string;
  value: string;
  onChange: (value: string) => void;
  optional?: boolean;
  lines?: number;
  type?: string;
  pattern?: string;
  autoFocus?: boolean;
  autoComplete?: string;
  inputMode?: "numeric" | "decimal" | "text";
  isInvalid?: boolean;
  isReadOnly?: boolean;
  validate?: (value: string) => string | null; // why it cannot be sent
  suggestions?: string[]; // others may be typed
  param?: string;
}) {
  const t = useT();
  const list = useId();
  const why = useBlame(param);
  const blamed = why === null ? {} : { "aria-invalid": true };
  const { pattern, suggestions, ...rest } = more;
  return (
    <TextField {...rest} value={value} onChange={onChange} isRequired={!optional} className="field" aria-describedby={why === null ? undefined : `${list}-why`}>
      <Label>
        {label} {optional && <span className="muted">({t("app.optional")})</span>}
      </Label>
      {lines ? <TextArea rows={lines} spellCheck={false} {...blamed} /> : <Input spellCheck={false} {...blamed} {...(pattern ? { pattern } : {})} {...(suggestions ? { list } : {})} />}
      {suggestions && <datalist id={list}>{suggestions.map((one) => <option key={one} value={one} />)}</datalist>}
      {help && <Text slot="description" className="help">{help}</Text>}
      <FieldError className="field-error" />
      {why !== null && <span id={`${list}-why`} className="field-error">{why}</span>}
    </TextField>
  );
}

// The browser's own list: it is small, and every device shows it in its own good way. A value that is none of the options,
// since they are not read yet or it is gone, is one of its own: what is shown is what is sent.
export function Choice({ label, value, onChange, options, help, param }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: [string, string][];
  help?: string;
  param?: string;
}) {
  const t = useT();
  const id = useId();
  const why = useBlame(param);
  const isOther = options.every(([key]) => key !== value);
  const described = [help && `${id}-help`, why !== null && `${id}-why`].filter(Boolean).join(" ");
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} aria-describedby={described || undefined} aria-invalid={why !== null || undefined} required={isOther && value === ""}>
        {isOther && <option value={value}>{value || t("app.choose")}</option>}
        {options.map(([key, text]) => (
          <option key={key} value={key}>{text}</option>
        ))}
      </select>
      {help && <span id={`${id}-help`} className="help">{help}</span>}
      {why !== null && <span id={`${id}-why`} className="field-error">{why}</span>}
    </div>
  );
}

export function Check({ label, checked, onChange }: { label: string; checked: boolean; onChange: (checked: boolean) => void }) {
  return (
    <label className="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChange(event.target.checked)} />
      {label}
    </label>
  );
}

export function Box({ title, onClose, children, wide }: { title: string; onClose: () => void; children: ReactNode; wide?: boolean }) {
  return (
    <ModalOverlay className="overlay" isOpen isDismissable={false} onOpenChange={(open) => !open && onClose()}>
      <Modal className={`modal${wide ? " wide" : ""}`}>
        <Dialog className="dialog">
          <Heading slot="title">{title}</Heading>
          {children}
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}

// Asks for something and does it. It stays open, with what was typed, when the server says no.
export function FormBox({ title, text, submit, kind = "main", onSubmit, onClose, children, ready = true, told }: {
  title: string;
  text?: ReactNode;
  submit: string;
  kind?: "main" | "danger";
  onSubmit: () => Promise<unknown>;
  onClose: () => void;
  children?: ReactNode;
  ready?: boolean;
  told?: unknown; // what the server has against it already
}) {
  const t = useT();
  const queries = useQueryClient();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const go = async (event: FormEvent) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      await onSubmit();
      void queries.invalidateQueries();
      onClose();
    } catch (reason) {
      setError(reason);
      setBusy(false);
    }
  };
  return (
    <Box title={title} onClose={onClose}>
      <form onSubmit={(event) => void go(event)} aria-busy={busy}>
        {text && <p>{text}</p>}
        <Blaming error={error} told={told}>{children}</Blaming>
        {error ? <ErrorBox error={error} /> : null}
        <div className="form-end">
          <Button onPress={onClose}>{t("app.cancel")}</Button>
          <Button type="submit" kind={kind} isDisabled={busy || !ready}>{submit}</Button>
        </div>
      </form>
    </Box>
  );
}

// Before and after of what an act changes.
export function Change({ what, before, after }: { what: string; before: string; after: string }) {
  const t = useT();
  return (
    <dl className="change">
      <dt>{what}</dt>
      <dd><span className="hidden">{t("rollout.before")} </span><del>{before}</del> <span aria-hidden="true">→</span> <span className="hidden">{t("rollout.after")} </span><ins>{after}</ins></dd>
    </dl>
  );
}
