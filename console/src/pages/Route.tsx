import { useState } from "react";
import { Link, useParams } from "react-router";
import { ApiError, at, client } from "../api/client";
import { LIVE_MS, useObject } from "../api/queries";
import type { Rollout, Route as RouteObject } from "../api/types";
import { useT } from "../i18n";
import type { TextKey } from "../i18n/en";
import { shownIn } from "../lib/members";
import { shares, STICKY, WEIGHT_MAX } from "../lib/routeForm";
import { useAccess } from "../session";
import { DataTable } from "../ui/DataTable";
import { FormBox } from "../ui/forms";
import { isRunning } from "../ui/rollouts";
import { Button, ErrorBox, Facts, Loaded, ManagedNote, PageHead, Section, isOurs } from "../ui/parts";
import { RolloutView } from "./RolloutView";
import { DeleteRoute, EditRoute } from "./RouteForm";
import { StartRollout } from "./StartRollout";

export default function Route() {
  const { route: name = "" } = useParams();
  return <OneRoute key={name} name={name} />;
}

function OneRoute({ name }: { name: string }) {
  const t = useT();
  const read = useObject<RouteObject>(`routes/${at(name)}`, LIVE_MS);
  const rollout = useObject<Rollout>(`rollouts/${at(name)}`, LIVE_MS);
  const [asking, setAsking] = useState<"weights" | "start" | "edit" | "delete" | null>(null);
  const { may } = useAccess();
  const text = shownIn(t);
  const running = rollout.data !== undefined && isRunning(rollout.data.state);
  const none = rollout.error instanceof ApiError && rollout.error.status === 404;
  return (
    <>
      <PageHead title={name} above={<Link to="/routes">{t("route.title")}</Link>}>
        {read.data && isOurs(read.data) && may("change", "routes") && <Button onPress={() => setAsking("edit")}>{t("tenant.edit")}</Button>}
        {read.data && isOurs(read.data) && !running && may("change", "routes") && <Button onPress={() => setAsking("weights")}>{t("route.edit_weights")}</Button>}
        {read.data && !running && read.data.versions.length > 1 && may("create", "rollouts") && <Button kind="main" onPress={() => setAsking("start")}>{t("route.start")}</Button>}
        {read.data && isOurs(read.data) && may("remove", "routes") && <Button kind="danger" onPress={() => setAsking("delete")}>{t("app.delete")}</Button>}
      </PageHead>
      <Loaded read={read}>
        {(route) => (
          <>
            <ManagedNote object={route} />
            <Section title={t("route.versions")} actions={<span className="muted">{t("app.live", { seconds: LIVE_MS / 1_000 })}</span>}>
              <DataTable
                label={t("route.versions")}
                rows={route.versions}
                rowId={(version) => version.model}
                columns={[
                  { id: "model", head: t("route.version"), cell: (version) => <Link to={`/models/${at(version.model)}`}>{version.model}</Link> },
                  { id: "stage", head: t("route.stage"), cell: (version) => version.stage },
                  { id: "weight", head: t("route.weight"), cell: (version) => version.weight, numeric: true },
                  { id: "share", head: t("route.share"), cell: (version) => version.share, numeric: true },
                ]}
              />
              <Facts
                facts={[
                  [t("route.sticky"), STICKY.includes(route.sticky) ? t(`route.sticky.${route.sticky}` as TextKey) : route.sticky],
                  [t("route.fallbacks"), route.fallbacks.map((one) => one.model ?? one.route).join(", ") || t("app.none")],
                  [t("route.mirror"), route.mirror ? `${route.mirror.version} ${route.mirror.share} %` : t("app.none")],
                  [t("route.times"), text(route.timeouts)],
                  [t("route.grey"), text(route.grey)],
                  [t("route.conditions"), text(route.conditions)],
                ]}
              />
            </Section>
            {asking === "weights" && <Weights route={route} onClose={() => setAsking(null)} />}
            {asking === "start" && <StartRollout route={route} onClose={() => setAsking(null)} />}
            {asking === "edit" && <EditRoute route={route} onClose={() => setAsking(null)} />}
            {asking === "delete" && <DeleteRoute route={route} onClose={() => setAsking(null)} />}
          </>
        )}
      </Loaded>
      {none ? <p className="muted">{t("rollout.none")}</p> : rollout.error ? <ErrorBox error={rollout.error} /> : rollout.data ? <RolloutView rollout={rollout.data} /> : null}
    </>
  );
}

function Weights({ route, onClose }: { route: RouteObject; onClose: () => void }) {
  const t = useT();
  const [seen] = useState(route); // while the page reads it again and again
  const [weights, setWeights] = useState(seen.versions.map((version) => version.weight));
  const parts = shares(weights);
  const save = () => {
    const versions = seen.versions.map(({ model, stage }, i) => ({ model, stage, weight: weights[i] }));
    return client.call("PATCH", `routes/${at(seen.name)}`, { body: { versions }, revision: seen.revision });
  };
  return (
    <FormBox title={t("route.edit_weights")} text={t("route.edit_weights.text")} submit={t("app.save")} ready={weights.some((weight) => weight > 0)} onSubmit={save} onClose={onClose}>
      {seen.versions.map((version, i) => (
        <label className="weights" key={version.model}>
          <span>{version.model}</span>
          <input type="range" min={0} max={Math.max(WEIGHT_MAX, version.weight)} value={weights[i]}
            onChange={(event) => setWeights(weights.map((weight, n) => (n === i ? Number(event.target.value) : weight)))} />
          <output><del>{version.share}</del> → <ins>{parts[i]}</ins></output>
        </label>
      ))}
    </FormBox>
  );
}
