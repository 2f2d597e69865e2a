import { useState } from "react";
import { Link, useParams } from "react-router";
import { at, client, query } from "../api/client";
import { useObject } from "../api/queries";
import type { Key as KeyObject } from "../api/types";
import { useT } from "../i18n";
import { time } from "../lib/format";
import { useAccess } from "../session";
import { Change, Choice, FormBox } from "../ui/forms";
import { KeyState, MadeKey } from "../ui/keys";
import { Button, Facts, Loaded, ManagedNote, PageHead, Section, isOurs } from "../ui/parts";

export default function Key() {
  const t = useT();
  const { key: id = "" } = useParams();
  const read = useObject<KeyObject>(`keys/${at(id)}`);
  const [asking, setAsking] = useState<"rotate" | "revoke" | null>(null);
  const [made, setMade] = useState<KeyObject | null>(null);
  const key = read.data;
  const { may } = useAccess();
  const works = key && isOurs(key) && !key.revoked_at && (may("change", "keys", key.tenant) || may("change", "own_keys", key.tenant));
  return (
    <>
      <PageHead title={key?.display_name || id} above={key && <Link to={`/tenants/${at(key.tenant)}`}>{key.tenant}</Link>}>
        {works && (
          <>
            <Button onPress={() => setAsking("rotate")}>{t("key.rotate")}</Button>
            <Button kind="danger" onPress={() => setAsking("revoke")}>{t("key.revoke")}</Button>
          </>
        )}
      </PageHead>
      <Loaded read={read}>
        {(one) => (
          <>
            <ManagedNote object={one} />
            <Section title={t("key.one")}>
              <Facts
                facts={[
                  [t("key.state"), <KeyState of={one} />],
                  [t("key.id"), <code>{one.id}</code>],
                  [t("key.last_four"), <code>…{one.last_four}</code>],
                  [t("project.one"), one.project],
                  [t("key.owner"), one.owner ?? "–"],
                  [t("key.scopes"), one.scopes.join(", ")],
                  [t("key.models"), one.models?.join(", ") ?? t("key.models.all")],
                  [t("key.priority"), one.max_priority],
                  [t("key.created"), time(one.created_at)],
                  [t("key.expires"), one.expires_at ? time(one.expires_at) : t("key.expires.never")],
                  ...(one.revoked_at ? ([[t("key.revoked"), time(one.revoked_at)]] as [string, string][]) : []),
                  ...(one.previous_works_until ? ([[t("key.previous"), time(one.previous_works_until)]] as [string, string][]) : []),
                  [t("tenant.usage"), <Link to={`/usage${query({ tenant: one.tenant, key: one.id, by: "day" })}`}>{t("app.details")}</Link>],
                ]}
              />
            </Section>
            {asking === "rotate" && <Rotate of={one} onMade={setMade} onClose={() => setAsking(null)} />}
            {asking === "revoke" && <Revoke of={one} onClose={() => setAsking(null)} />}
            {made && <MadeKey made={made} onClose={() => setMade(null)} />}
          </>
        )}
      </Loaded>
    </>
  );
}

function Rotate({ of, onMade, onClose }: { of: KeyObject; onMade: (key: KeyObject) => void; onClose: () => void }) {
  const t = useT();
  const [overlap, setOverlap] = useState("24h");
  const rotate = async () => onMade(await client.call<KeyObject>("POST", `keys/${at(of.id)}/rotate`, { body: { overlap }, revision: of.revision }));
  return (
    <FormBox title={t("key.rotate")} text={t("key.rotate.text", { name: of.display_name || of.id })} submit={t("key.rotate")} onSubmit={rotate} onClose={onClose}>
      <Choice label={t("key.rotate.overlap")} value={overlap} onChange={setOverlap} options={[["0s", t("key.rotate.none")], ["1h", "1 h"], ["24h", "24 h"], ["168h", "7 d"]]} />
    </FormBox>
  );
}

function Revoke({ of, onClose }: { of: KeyObject; onClose: () => void }) {
  const t = useT();
  return (
    <FormBox title={t("key.revoke")} text={t("key.revoke.text", { name: of.display_name || of.id })} submit={t("key.revoke")} kind="danger" onClose={onClose}
      onSubmit={() => client.call("POST", `keys/${at(of.id)}/revoke`, { body: {}, revision: of.revision })}>
      <Change what={t("key.state")} before={t("key.works")} after={t("key.revoked")} />
    </FormBox>
  );
}
