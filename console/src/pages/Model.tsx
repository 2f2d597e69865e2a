import { useState, type ReactNode } from "react";
import { Link, useParams } from "react-router";
import { at, query } from "../api/client";
import { useList, useObject } from "../api/queries";
import type { Managed, Model as ModelObject } from "../api/types";
import { useT } from "../i18n";
import { count, money, time } from "../lib/format";
import { useAccess } from "../session";
import { DataTable } from "../ui/DataTable";
import { Button, Facts, Loaded, ManagedNote, PageHead, Section, isOurs } from "../ui/parts";
import { DeleteModel, EditModel } from "./ModelForm";
import { offers } from "./Models";

interface Price extends Managed {
  id: string;
  currency: string;
  label: string;
  from: string | null;
  in_force: boolean;
  input: string;
  cached_input: string;
  output: string;
}

export default function Model() {
  const { model: name = "" } = useParams();
  return <OneModel key={name} name={name} />;
}

function OneModel({ name }: { name: string }) {
  const t = useT();
  const read = useObject<ModelObject>(`models/${at(name)}`);
  const { may, maySee } = useAccess();
  const [asking, setAsking] = useState<"edit" | "delete" | null>(null);
  return (
    <>
      <PageHead title={name} above={<Link to="/models">{t("model.title")}</Link>}>
        {read.data && isOurs(read.data) && may("change", "models") && <Button onPress={() => setAsking("edit")}>{t("tenant.edit")}</Button>}
        {read.data && isOurs(read.data) && may("remove", "models") && <Button kind="danger" onPress={() => setAsking("delete")}>{t("app.delete")}</Button>}
      </PageHead>
      <Loaded read={read}>
        {(model) => (
          <>
            <ManagedNote object={model} />
            <Section title={t("model.name")}>
              <Facts
                facts={[
                  [t("model.engines"), maySee("engines") ? model.engines.map((engine) => <Link key={engine} to={`/engines/${at(engine)}`}>{engine} </Link>) : model.engines.join(", ")],
                  [t("model.engine_model"), <code>{model.engine_model}</code>],
                  [t("model.offers"), offers(model)],
                  ...(model.artifact ? ([[t("artifact.one"), maySee("artifacts") ? <Link to={`/artifacts/${at(model.artifact)}`}>{model.artifact}</Link> : model.artifact]] as [string, ReactNode][]) : []),
                  [t("model.tenants"), model.tenants?.join(", ") ?? t("model.tenants.all")],
                  [t("model.context"), model.context_tokens ? count(model.context_tokens) : t("model.context.any")],
                  [t("model.timeouts"), `${model.first_token_timeout}, ${model.stall_timeout}, ${model.total_timeout}`],
                  [t("tenant.usage"), <Link to={`/usage${query({ model: name, by: "day" })}`}>{t("app.details")}</Link>],
                ]}
              />
            </Section>
            {asking === "edit" && <EditModel model={model} onClose={() => setAsking(null)} />}
            {asking === "delete" && <DeleteModel model={model} onClose={() => setAsking(null)} />}
          </>
        )}
      </Loaded>
      {may("read", "prices") && <Prices model={name} />}
    </>
  );
}

function Prices({ model }: { model: string }) {
  const t = useT();
  const prices = useList<Price>(`prices${query({ model })}`);
  return (
    <Section title={t("model.price")}>
      <Loaded read={prices}>
        {({ data }) => (
          <DataTable
            label={t("model.price")}
            rows={data}
            empty={<p className="muted">{t("model.price.none")}</p>}
            columns={[
              { id: "id", head: t("key.id"), cell: (price) => <code>{price.id}</code> },
              { id: "label", head: t("tenant.display_name"), cell: (price) => price.label || "–" },
              { id: "from", head: t("usage.from"), cell: (price) => time(price.from) },
              { id: "force", head: t("model.price.in_force"), cell: (price) => t(price.in_force ? "app.yes" : "app.no") },
              { id: "input", head: t("usage.input"), cell: (price) => money(price.input, price.currency), numeric: true },
              { id: "cached", head: t("usage.cached"), cell: (price) => money(price.cached_input, price.currency), numeric: true },
              { id: "output", head: t("usage.output"), cell: (price) => money(price.output, price.currency), numeric: true },
            ]}
          />
        )}
      </Loaded>
    </Section>
  );
}
