import { useQueryClient } from "@tanstack/react-query";
import { useId, useState, type FormEvent, type ReactNode } from "react";
import { Dialog, FieldError, Heading, Input, Label, Modal, ModalOverlay, Text, TextArea, TextField } from "react-aria-components";
import { useT } from "../i18n";
import { Button, ErrorBox } from "./parts";

export function Field({ label, help, value, onChange, optional, lines, ...more }: {
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
}) {
  const t = useT();
  const list = useId();
  const { pattern, suggestions, ...rest } = more;
  return (
    <TextField {...rest} value={value} onChange={onChange} isRequired={!optional} className="field">
      <Label>
        {label} {optional && <span className="muted">({t("app.optional")})</span>}
      </Label>
      {lines ? <TextArea rows={lines} spellCheck={false} /> : <Input spellCheck={false} {...(pattern ? { pattern } : {})} {...(suggestions ? { list } : {})} />}
      {suggestions && <datalist id={list}>{suggestions.map((one) => <option key={one} value={one} />)}</datalist>}
      {help && <Text slot="description" className="help">{help}</Text>}
      <FieldError className="field-error" />
    </TextField>
  );
}

// The browser's own list: it is small, and every device shows it in its own good way.
export function Choice({ label, value, onChange, options, help }: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  options: [string, string][];
  help?: string;
}) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.target.value)} aria-describedby={help ? `${id}-help` : undefined}>
        {options.map(([key, text]) => (
          <option key={key} value={key}>{text}</option>
        ))}
      </select>
      {help && <span id={`${id}-help`} className="help">{help}</span>}
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
export function FormBox({ title, text, submit, kind = "main", onSubmit, onClose, children, ready = true }: {
  title: string;
  text?: ReactNode;
  submit: string;
  kind?: "main" | "danger";
  onSubmit: () => Promise<unknown>;
  onClose: () => void;
  children?: ReactNode;
  ready?: boolean;
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
        {children}
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
