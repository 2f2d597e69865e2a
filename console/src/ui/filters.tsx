import { useEffect, useRef, useState, type FormEvent, type ReactNode } from "react";
import { useSearchParams } from "react-router";
import { useTenants } from "../api/queries";
import { useT } from "../i18n";
import { Choice } from "./forms";
import { Button } from "./parts";

type Values = Record<string, string>;
const withoutEmpty = (values: Values): Values => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));

// What a view is narrowed to. It stands in the address, so that a view can be sent as a link, and the browser's
// history goes through views. `key`: another one for other values, for forms that begin with them.
export function useFilters<Name extends string>(names: readonly Name[]) {
  const [search, setSearch] = useSearchParams();
  const values = Object.fromEntries(names.map((name) => [name, search.get(name) ?? ""])) as Record<Name, string>;
  // What was chosen and is not drawn yet: the next choice must not take it back.
  const chosen = useRef<Values | null>(null);
  useEffect(() => {
    chosen.current = null;
  }, [search]);
  const setAll = (next: Values) => {
    chosen.current = next;
    setSearch(withoutEmpty(next));
  };
  return { values, setAll, set: (name: Name) => (value: string) => setAll({ ...(chosen.current ?? values), [name]: value }), key: search.toString() };
}

// Fields whose values hold when they are sent.
export function FilterForm({ given, submit, onSubmit, children }: {
  given: Values;
  submit: string;
  onSubmit: (values: Values) => void;
  children: (values: (name: string) => string, set: (name: string) => (value: string) => void) => ReactNode;
}) {
  const [values, setValues] = useState(given);
  const go = (event: FormEvent) => {
    event.preventDefault();
    onSubmit(values);
  };
  return (
    <form className="card form-row" onSubmit={go}>
      {children((name) => values[name] ?? "", (name) => (value) => setValues({ ...values, [name]: value }))}
      <Button type="submit" kind="main">{submit}</Button>
    </form>
  );
}

// One of the tenants that somebody may see. `all`: or all of them, as "".
export function TenantChoice({ value, onChange, all }: { value: string; onChange: (value: string) => void; all?: boolean }) {
  const t = useT();
  const tenants = useTenants();
  const slugs = (tenants.data?.data ?? []).map((one): [string, string] => [one.slug, one.slug]);
  return <Choice label={t("tenant.one")} value={value} onChange={onChange} options={all ? [["", t("app.all")], ...slugs] : slugs} />;
}
