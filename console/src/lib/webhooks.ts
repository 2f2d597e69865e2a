import type { Deliveries, Webhook } from "../api/types";
import type { Snippet } from "./snippets";

// Beginnings of kinds of events that somebody may want to be told; others are typed.
export const PATTERNS = ["limit.*", "rollout.*", "engine.*", "key.*", "config.*", "disk.*", "audit.*"];
// Of these, what can be a tenant's own.
export const TENANT_PATTERNS = ["limit.*", "key.*"];

const PATTERN = /^(\*|[a-z][a-z0-9_-]*(\.[a-z][a-z0-9_-]*)*(\.\*)?)$/;
// "limit.*, key.revoke" as a list, each once; null: one of them is none.
export function patternsOf(typed: string): string[] | null {
  const said = [...new Set(typed.split(/[\s,]+/).filter((one) => one !== ""))];
  return said.every((one) => PATTERN.test(one)) ? said : null;
}

export type Outcome = "delivered" | "retried" | "dropped" | "waiting";
// What came of a delivery that was sent after `before` was read. They go one after the other, so those that waited
// then end first. An attempt that failed is not the end: it is made again.
export function outcomeOf(before: Deliveries, now: Deliveries): Outcome {
  const ended = now.delivered - before.delivered + now.dropped - before.dropped;
  if (ended > before.waiting) return now.last_error === null ? "delivered" : "dropped";
  return ended === before.waiting && now.retried > before.retried && now.last_error !== null ? "retried" : "waiting";
}

const POLL_MS = 1_000;
export const WATCH_MS = 15_000; // a receiver may take 10 s to answer

export interface Watch {
  read: () => Promise<Webhook>;
  pause: (ms: number) => Promise<void>;
  tell: (passedMs: number) => void;
  stopped: () => boolean;
}
// Asks again and again until something came of a test, or the time is over. An attempt that failed ends it,
// too: the next one may be a minute away.
export async function watchTest(before: Deliveries, watch: Watch): Promise<{ outcome: Outcome; hook: Webhook | null }> {
  let hook: Webhook | null = null;
  for (let passed = POLL_MS; passed <= WATCH_MS; passed += POLL_MS) {
    await watch.pause(POLL_MS);
    if (watch.stopped()) break;
    hook = await watch.read();
    watch.tell(passed);
    const outcome = outcomeOf(before, hook.deliveries);
    if (outcome !== "waiting") return { outcome, hook };
  }
  return { outcome: "waiting", hook };
}

// Receivers that check the signature by the rules of Standard Webhooks, with nothing but what the language
// has. The secret comes from the environment: it does not belong into a program.
export function receivers(): Snippet[] {
  return [
    {
      name: "Python",
      text: `import base64, hashlib, hmac, http.server, os, time

SECRET = os.environ["WEBHOOK_SECRET"]
KEY = base64.b64decode(SECRET[6:]) if SECRET.startswith("whsec_") else SECRET.encode()

def is_genuine(headers, body):
    ident, moment = headers["webhook-id"], headers["webhook-timestamp"]
    if not ident or not moment or not moment.isdigit() or abs(time.time() - int(moment)) > 300:
        return False
    signed = f"{ident}.{moment}.".encode() + body
    wanted = "v1," + base64.b64encode(hmac.new(KEY, signed, hashlib.sha256).digest()).decode()
    given = (headers["webhook-signature"] or "").split(" ")
    return any(hmac.compare_digest(wanted.encode(), one.encode()) for one in given)

class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        genuine = is_genuine(self.headers, body)
        if genuine:
            # The same webhook-id may come twice: do once what you do for it.
            print(self.headers["webhook-id"], body.decode(), flush=True)
        self.send_response(204 if genuine else 401)
        self.end_headers()

http.server.ThreadingHTTPServer(("", 8000), Receiver).serve_forever()`,
    },
    {
      name: "Node",
      text: `import { createHmac, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";

const secret = process.env.WEBHOOK_SECRET;
const key = secret.startsWith("whsec_") ? Buffer.from(secret.slice(6), "base64") : Buffer.from(secret);

function isGenuine(headers, body) {
  const id = headers["webhook-id"], moment = headers["webhook-timestamp"];
  if (!id || !/^\\d+$/.test(moment ?? "") || Math.abs(Date.now() / 1000 - moment) > 300) return false;
  const signed = Buffer.concat([Buffer.from(\`\${id}.\${moment}.\`), body]);
  const wanted = Buffer.from("v1," + createHmac("sha256", key).update(signed).digest("base64"));
  return (headers["webhook-signature"] ?? "").split(" ").some((one) => {
    const given = Buffer.from(one);
    return given.length === wanted.length && timingSafeEqual(given, wanted);
  });
}

createServer(async (request, answer) => {
  const pieces = [];
  for await (const piece of request) pieces.push(piece);
  const body = Buffer.concat(pieces);
  const genuine = isGenuine(request.headers, body);
  // The same webhook-id may come twice: do once what you do for it.
  if (genuine) console.log(request.headers["webhook-id"], body.toString());
  answer.writeHead(genuine ? 204 : 401).end();
}).listen(8000);`,
    },
  ];
}
