import type { PoolPart } from "../api/types";
import { useT } from "../i18n";
import { decimal } from "../lib/format";

// A bar for each part: what it uses of its own, what it borrows, and a frame for what it is guaranteed.
// The same figures are in the table of the pools page.
export function PoolPicture({ parts }: { parts: PoolPart[] }) {
  const t = useT();
  const most = Math.max(0.000001, ...parts.map((part) => Math.max(Number(part.guaranteed), Number(part.used))));
  const width = (gpus: number) => ({ width: `${(100 * gpus) / most}%` });
  return (
    <figure className="chart" aria-hidden="true">
      {parts.map((part) => {
        const depth = part.part === "" ? 0 : part.part.split("/").length;
        const [used, borrowed, guaranteed] = [Number(part.used), Number(part.borrowed), Number(part.guaranteed)];
        return (
          <div key={`${part.pool}/${part.part}`} className="bar-row">
            <span className={`bar-name depth${Math.min(depth, 4)}`}>{part.part === "" ? part.pool : part.part.split("/").at(-1)}</span>
            <span className="bar">
              <i className="one" style={width(Math.max(0, used - borrowed))} />
              <i className="three" style={width(borrowed)} />
              {guaranteed > 0 && <i className="bar-frame" style={width(guaranteed)} />}
            </span>
            <span className="bar-value">{decimal(Number(used).toFixed(2))}</span>
          </div>
        );
      })}
      <figcaption>
        <span className="legend"><i className="dot" />{t("pool.used")}</span>
        <span className="legend"><i className="dot three" />{t("pool.borrowed")}</span>
        <span className="legend"><i className="dot framed" />{t("pool.guaranteed")}</span>
      </figcaption>
    </figure>
  );
}
