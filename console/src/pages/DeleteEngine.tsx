import { useNavigate } from "react-router";
import { at } from "../api/client";
import { useList } from "../api/queries";
import type { Engine, Model } from "../api/types";
import { useT } from "../i18n";
import { DeleteBox } from "../ui/tried";

export function DeleteEngine({ engine, onClose }: { engine: Engine; onClose: () => void }) {
  const t = useT();
  const go = useNavigate();
  const models = useList<Model>("models");
  const users = (models.data?.data ?? []).filter((model) => model.engines.includes(engine.name)).map(({ name }) => ({ text: name, to: `/models/${at(name)}` }));
  return (
    <DeleteBox title={t("engine.remove")} text={t("engine.remove.text", { name: engine.name })} path={`engines/${at(engine.name)}`} revision={engine.revision}
      users={users} onDone={() => go("/engines")} onClose={onClose} />
  );
}
