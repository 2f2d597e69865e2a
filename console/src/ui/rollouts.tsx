import type { RolloutState } from "../api/types";
import { useT } from "../i18n";
import { Badge, type Tone } from "./parts";

const TONES: Record<RolloutState, Tone> = { waiting: "warn", holding: "calm", paused: "warn", promoted: "good", rolled_back: "bad" };
export const isRunning = (state: RolloutState) => state === "waiting" || state === "holding" || state === "paused";

export function RolloutBadge({ state }: { state: RolloutState }) {
  const t = useT();
  return <Badge tone={TONES[state]}>{t(`rollout.state.${state}`)}</Badge>;
}
