// What a key with the scope `read:usage` may ask about its own project (docs/usage.md).
import type OpenAI from "openai";

export type GroupBy = "model" | "key" | "day" | "user" | "cost_centre";

/** How one of the latest requests waited for its turn (docs/waiting.md). */
export interface OwnRequest {
  object: "request";
  id: string;
  /** The version that was to answer. */
  model: string;
  class: string;
  queue_ms: number;
  /** Why its turn came: `at_once`, `guaranteed`, `borrowed`, `held` or `late`; null: it did not. */
  rule: string | null;
  /** Why its turn did not come. */
  refused: string | null;
}

interface Counts {
  input_tokens: number;
  cached_input_tokens: number;
  output_tokens: number;
  reasoning_tokens: number;
  delivered_tokens: number;
  /** Engine time in GPU-second equivalents, exact to a millionth. */
  gse_seconds: string;
  /** Exact to a millionth. */
  cost: string;
  cost_micro: number;
  currency: string;
}

/** One group, in one currency. */
export interface UsageSum extends Counts {
  object: "usage";
  group: string;
  requests: number;
  /** Of them those that still run: their tokens count when they end. */
  open_requests: number;
  energy_mj: number;
  energy_method: string;
  co2_ug: number;
  /** Their cost is not known, and not in the sum. */
  unpriced_requests: number;
  /** Of them the figures are lower bounds. */
  recovered_requests: number;
}

/** One request that has ended. */
export interface UsageRequest extends Counts {
  object: "usage.request";
  id: string;
  opened_at: string;
  booked_at: string;
  key: string;
  user: string;
  cost_centre: string;
  model: string;
  operation: string;
  finish: string;
  /** The price version; empty: the model had none. */
  price: string;
  /** Its end was lost in a crash. */
  lower_bound: boolean;
}

export interface Page<T> {
  object: "list";
  data: T[];
  has_more: boolean;
  /** `before` of the following page. */
  next: string | null;
}

export interface UsagePage extends Page<UsageSum> {
  group_by: string | null;
  from: string | null;
  until: string | null;
  /** The tenant's, by whose clock days begin. */
  time_zone: string;
}

export interface Range {
  /** A moment, or a day by the tenant's clock (`2027-01-31`). */
  from?: Date | string;
  until?: Date | string;
}

export interface Paged extends Range {
  limit?: number;
  before?: string;
}

function query(said: Paged & { groupBy?: GroupBy }): Record<string, string> {
  const { groupBy, from, until, limit, before } = said;
  const moment = (at: Date | string | undefined) => (at instanceof Date ? at.toISOString() : at);
  const all = { group_by: groupBy, from: moment(from), until: moment(until), limit: limit?.toString(), before };
  return Object.fromEntries(Object.entries(all).filter((each): each is [string, string] => each[1] !== undefined));
}

/** `client.mesh`. */
export class Own {
  readonly #client: OpenAI;

  constructor(client: OpenAI) {
    this.#client = client;
  }

  /** One of the latest requests of the key's project. */
  async request(id: string): Promise<OwnRequest> {
    if (!/^req_[0-9a-f]{32}$/.test(id)) {
      throw new TypeError(`want the x-sm-request-id of an answer (req_...), not '${id}'`);
    }
    return this.#client.get<OwnRequest>(`/requests/${id}`);
  }

  /** Sums of the key's project. */
  async usage(said: Paged & { groupBy?: GroupBy } = {}): Promise<UsagePage> {
    return this.#client.get<UsagePage>("/usage", { query: query(said) });
  }

  /** The same, page after page. */
  async *usages(said: Range & { groupBy?: GroupBy } = {}): AsyncGenerator<UsageSum> {
    yield* pages((before) => this.usage({ ...said, ...before }));
  }

  /** Requests that have ended, the newest first. */
  async requestUsage(said: Paged = {}): Promise<Page<UsageRequest>> {
    return this.#client.get<Page<UsageRequest>>("/usage/export", { query: query(said) });
  }

  /** The same, page after page. */
  async *requestUsages(said: Range = {}): AsyncGenerator<UsageRequest> {
    yield* pages((before) => this.requestUsage({ ...said, ...before }));
  }
}

async function* pages<T>(read: (before: { before?: string }) => Promise<Page<T>>): AsyncGenerator<T> {
  let before: { before?: string } | null = {};
  while (before) {
    const page: Page<T> = await read(before);
    yield* page.data;
    before = page.next === null ? null : { before: page.next };
  }
}
