import { useState } from "react";
import { useNavigate } from "react-router";
import { Tab, TabList, TabPanel, Tabs } from "react-aria-components";
import { client, query } from "../api/client";
import { useList } from "../api/queries";
import type { Key, Model, Project, Route } from "../api/types";
import { useT } from "../i18n";
import { takeAlong } from "../lib/keyInHand";
import { apiBase, knownBase, rememberBase, snippets } from "../lib/snippets";
import { Box, Choice, Field, FormBox } from "./forms";
import { Badge, Button, Copyable } from "./parts";

export function KeyState({ of }: { of: Key }) {
  const t = useT();
  if (of.revoked_at) return <Badge tone="bad">{t("key.revoked")}</Badge>;
  if (of.expires_at && new Date(of.expires_at) <= new Date()) return <Badge tone="warn">{t("key.expired")}</Badge>;
  return <Badge tone="good">{t("key.works")}</Badge>;
}

export function NewKey({ tenant, onMade, onClose }: { tenant: string; onMade: (key: Key) => void; onClose: () => void }) {
  const t = useT();
  const projects = useList<Project>(`projects${query({ tenant })}`);
  const [name, setName] = useState("");
  const [project, setProject] = useState("default");
  const [owner, setOwner] = useState("");
  const [expires, setExpires] = useState("");
  const [priority, setPriority] = useState("interactive");
  const create = async () => {
    const body: Record<string, string> = { tenant, project, display_name: name, max_priority: priority };
    if (owner) body["owner"] = owner;
    if (expires) body["expires_at"] = `${expires}T23:59:59Z`;
    onMade(await client.call<Key>("POST", "keys", { body }));
  };
  return (
    <FormBox title={t("key.create")} text={t("key.create.text")} submit={t("app.create")} onSubmit={create} onClose={onClose}>
      <Field label={t("key.name")} help={t("key.name.help")} value={name} onChange={setName} autoFocus />
      <Choice label={t("project.one")} value={project} onChange={setProject} options={(projects.data?.data ?? []).map((one) => [one.slug, one.display_name])} />
      <Field label={t("key.owner")} help={t("key.owner.help")} value={owner} onChange={setOwner} optional />
      <Field label={t("key.expires")} type="date" value={expires} onChange={setExpires} optional />
      <Choice label={t("key.priority")} value={priority} onChange={setPriority} options={["interactive", "agent", "batch"].map((one) => [one, one])} />
    </FormBox>
  );
}

// The text of a key, once, with programs to try it.
export function MadeKey({ made, onClose }: { made: Key; onClose: () => void }) {
  const t = useT();
  const models = useList<Model>("models");
  const routes = useList<Route>("routes");
  const go = useNavigate();
  const [base, setBase] = useState(knownBase);
  const names = [...(routes.data?.data ?? []).map((route) => route.name), ...(models.data?.data ?? []).filter((model) => model.chat && (model.tenants === null || model.tenants.includes(made.tenant))).map((model) => model.name)];
  const url = apiBase(base);
  const change = (next: string) => {
    setBase(next);
    rememberBase(next);
  };
  const tryIt = () => {
    takeAlong(made.key ?? "");
    onClose();
    void go("/playground");
  };
  return (
    <Box title={t("key.made")} onClose={onClose} wide>
      <p className="note warn">{t("key.made.text")}</p>
      <Copyable label={t("key.one")} text={made.key ?? ""} />
      <Field label={t("key.base_url")} help={t("key.base_url.help")} value={base} onChange={change} isInvalid={url === null} />
      <Tabs>
        <TabList aria-label={t("key.made")} className="tabs">
          {snippets("", "", "").map(({ name }) => <Tab key={name} id={name} className="tab">{name}</Tab>)}
        </TabList>
        {snippets(url ?? "http://…/v1", made.key ?? "", names[0] ?? "MODEL").map(({ name, text }) => (
          <TabPanel key={name} id={name}><Copyable label={name} text={text} /></TabPanel>
        ))}
      </Tabs>
      <div className="form-end">
        <Button onPress={tryIt}>{t("key.made.try")}</Button>
        <Button kind="main" onPress={onClose}>{t("key.made.done")}</Button>
      </div>
    </Box>
  );
}
