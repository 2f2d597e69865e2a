import type { Engine } from "../api/types";
import { Badge, type Tone } from "./parts";

const TONES: Record<string, Tone> = { ready: "good", starting: "warn", stopped: "calm", unhealthy: "bad", backing_off: "bad" };

// An engine that works may still be left out by requests, because they failed on it.
export function EngineState({ engine }: { engine: Engine }) {
  const left = engine.condition && engine.condition !== "in" ? engine.condition : null;
  return (
    <>
      <Badge tone={TONES[engine.state] ?? "calm"}>{engine.state}</Badge> {left && <Badge tone="warn">{left}</Badge>}
    </>
  );
}
