import { useMemo } from "react";
import { Link } from "react-router";
import { at, query } from "../api/client";
import { useList } from "../api/queries";
import type { Artifact } from "../api/types";
import { useT } from "../i18n";
import { STAGES } from "../lib/artifacts";
import { fileSize } from "../lib/format";
import { HowToImport, StageBadge } from "../ui/artifacts";
import { DataTable, type Column } from "../ui/DataTable";
import { useFilters } from "../ui/filters";
import { Choice } from "../ui/forms";
import { Empty, Loaded, PageHead, Section } from "../ui/parts";

export default function Artifacts() {
  const t = useT();
  const { values: { stage }, set } = useFilters(["stage"]);
  const read = useList<Artifact>(`artifacts${query({ stage })}`);
  const columns = useMemo<Column<Artifact>[]>(
    () => [
      { id: "artifact", head: t("artifact.one"), cell: (one) => <Link to={`/artifacts/${at(one.artifact)}`}>{one.artifact}</Link>, value: (one) => one.artifact },
      { id: "stage", head: t("artifact.stage"), cell: (one) => <StageBadge stage={one.stage} />, value: (one) => STAGES.indexOf(one.stage) },
      { id: "models", head: t("artifact.models"), cell: (one) => one.models.map((model) => <Link key={model} to={`/models/${at(model)}`}>{model} </Link>), value: (one) => one.models.join(", ") },
      { id: "format", head: t("artifact.format"), cell: (one) => one.format, value: (one) => one.format },
      { id: "bytes", head: t("artifact.size"), cell: (one) => fileSize(one.bytes), value: (one) => one.bytes, numeric: true },
      { id: "licence", head: t("artifact.licence"), cell: (one) => one.licence || "–", value: (one) => one.licence },
      { id: "owner", head: t("artifact.owner"), cell: (one) => one.owner || "–", value: (one) => one.owner },
    ],
    [t],
  );
  return (
    <>
      <PageHead title={t("artifact.title")} />
      <div className="form-row card">
        <Choice label={t("artifact.stage")} value={stage} onChange={set("stage")}
          options={[["", t("app.all")], ...STAGES.map((one): [string, string] => [one, t(`artifact.stage.${one}`)])]} />
      </div>
      <Loaded read={read}>
        {({ data }) => (
          <>
            <DataTable label={t("artifact.title")} rows={data} columns={columns} rowId={(one) => one.artifact} filter sorted={[{ id: "artifact", desc: false }]}
              empty={<Empty title={t(stage ? "artifact.empty.stage" : "artifact.empty")}>{t("artifact.empty.text")}</Empty>} />
            {data.length === 0 && !stage ? (
              <Section title={t("artifact.how")}><HowToImport /></Section>
            ) : (
              <details className="card"><summary>{t("artifact.how")}</summary><HowToImport /></details>
            )}
          </>
        )}
      </Loaded>
    </>
  );
}
