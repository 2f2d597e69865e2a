import { useMemo, useState } from "react";
import { Link } from "react-router";
import { at } from "../api/client";
import { LIVE_MS, useList, useRollouts } from "../api/queries";
import type { Route } from "../api/types";
import { useT } from "../i18n";
import { useAccess } from "../session";
import { DataTable, type Column } from "../ui/DataTable";
import { RolloutBadge } from "../ui/rollouts";
import { Button, Empty, Loaded, ManagedBadge, PageHead } from "../ui/parts";
import { NewRoute } from "./RouteForm";

const versionsOf = (route: Route) => route.versions.map((version) => `${version.model} ${version.share}`).join(", ");

export default function Routes() {
  const t = useT();
  const read = useList<Route>("routes", LIVE_MS);
  const rollouts = useRollouts(LIVE_MS);
  const columns = useMemo<Column<Route>[]>(
    () => [
      { id: "name", head: t("route.name"), cell: (route) => <Link to={`/routes/${at(route.name)}`}>{route.name}</Link>, value: (route) => route.name },
      { id: "versions", head: t("route.versions"), cell: versionsOf, value: versionsOf },
      {
        id: "rollout",
        head: t("route.rollout"),
        cell: (route) => {
          const one = rollouts.data?.data.find((rollout) => rollout.route === route.name);
          return one ? <RolloutBadge state={one.state} /> : "–";
        },
      },
      { id: "sticky", head: t("route.sticky"), cell: (route) => route.sticky, value: (route) => route.sticky },
      { id: "managed", head: "", cell: (route) => <ManagedBadge object={route} /> },
    ],
    [t, rollouts.data],
  );
  const { may } = useAccess();
  const [making, setMaking] = useState(false);
  const make = may("create", "routes") && <Button kind="main" onPress={() => setMaking(true)}>{t("route.create")}</Button>;
  return (
    <>
      <PageHead title={t("route.title")}>
        <span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>
        {make}
      </PageHead>
      <Loaded read={read}>
        {({ data }) => <DataTable label={t("route.title")} rows={data} columns={columns} rowId={(route) => route.name} filter empty={<Empty title={t("route.empty")} action={make}>{t("route.empty.text")}</Empty>} />}
      </Loaded>
      {making && <NewRoute onClose={() => setMaking(false)} />}
    </>
  );
}
