import { useMemo, useState } from "react";
import { Link } from "react-router";
import { at } from "../api/client";
import { useList } from "../api/queries";
import type { Model } from "../api/types";
import { useT } from "../i18n";
import { count } from "../lib/format";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { Button, Empty, Loaded, ManagedBadge, PageHead } from "../ui/parts";
import { NewModel } from "./ModelForm";

export const offers = (model: Model) => (["chat", "completions", "embeddings"] as const).filter((kind) => model[kind]).join(", ");

export default function Models() {
  const t = useT();
  const read = useList<Model>("models");
  const columns = useMemo<Column<Model>[]>(
    () => [
      { id: "name", head: t("model.name"), cell: (model) => <Link to={`/models/${at(model.name)}`}>{model.name}</Link>, value: (model) => model.name },
      { id: "engines", head: t("model.engines"), cell: (model) => model.engines.join(", "), value: (model) => model.engines.join(", ") },
      { id: "offers", head: t("model.offers"), cell: offers, value: offers },
      { id: "tenants", head: t("model.tenants"), cell: (model) => model.tenants?.join(", ") ?? t("model.tenants.all"), value: (model) => model.tenants?.join(", ") ?? "" },
      { id: "context", head: t("model.context"), cell: (model) => (model.context_tokens ? count(model.context_tokens) : t("model.context.any")), value: (model) => model.context_tokens, numeric: true },
      { id: "managed", head: "", cell: (model) => <ManagedBadge object={model} /> },
    ],
    [t],
  );
  const { may } = useAccess();
  const [making, setMaking] = useState(false);
  const make = may("create", "models") && <Button kind="main" onPress={() => setMaking(true)}>{t("model.create")}</Button>;
  return (
    <>
      <PageHead title={t("model.title")}>{make}</PageHead>
      <Loaded read={read}>
        {({ data }) => <DataTable label={t("model.title")} rows={data} columns={columns} rowId={(model) => model.name} filter empty={<Empty title={t("model.empty")} action={make}>{t("model.empty.text")}</Empty>} />}
      </Loaded>
      {making && <NewModel onClose={() => setMaking(false)} />}
    </>
  );
}
