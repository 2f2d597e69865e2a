import { useState } from "react";
import { useT } from "../i18n";
import { Choice, Field } from "../ui/forms";
import { TriedBox } from "../ui/tried";

const DIALECTS = ["openai", "vllm", "sglang", "tgi", "tensorrt_llm", "llama_cpp"];

// An engine that runs somewhere already. One that wants a key is the configuration file's.
export function AddEngine({ onClose }: { onClose: () => void }) {
  const t = useT();
  const [name, setName] = useState("");
  const [url, setUrl] = useState("http://");
  const [dialect, setDialect] = useState("openai");
  const [slots, setSlots] = useState("64");
  const body = { name, url, dialect, slots: Number(slots) };
  return (
    <TriedBox title={t("engine.add")} text={t("engine.add.text")} submit={t("app.create")} onClose={onClose} write={() => ({ method: "POST", path: "engines", body })}>
      <Field label={t("tenant.slug")} help={t("engine.name.help")} param="name" value={name} onChange={setName} pattern="[a-z][a-z0-9\-]{0,39}" autoFocus />
      <Field label={t("engine.url")} help={t("engine.url.help")} param="url" value={url} onChange={setUrl} />
      <Choice label={t("engine.dialect")} param="dialect" value={dialect} onChange={setDialect} options={DIALECTS.map((one) => [one, one])} />
      <Field label={t("engine.slots")} help={t("engine.slots.help")} param="slots" value={slots} onChange={setSlots} inputMode="numeric" pattern="[0-9]{1,4}" />
    </TriedBox>
  );
}
