// What /api/v1 answers, as far as the console reads it. By hand until it is made from
// api/openapi.yaml; nothing else in the console knows the API's names.

export interface Page<T> {
  searched_until?: string | null; // a list that looks at only so much at once: how far back it has
  data: T[];
  has_more: boolean;
  next: string | null;
}

// Who may change an object. "file": the configuration file alone, and `source` says where.
export interface Managed {
  managed_by: "api" | "file" | "engine" | null;
  source?: string;
  revision?: number;
  created_at?: string;
}

export interface Tenant extends Managed {
  id: string;
  slug: string;
  display_name: string;
  hosts: string[];
  suspended: boolean;
  time_zone: string;
  currency: string;
}

export interface Project extends Managed {
  id: string;
  tenant: string;
  slug: string;
  display_name: string;
  cost_centre: string;
}

export interface Key extends Managed {
  id: string;
  tenant: string;
  project: string;
  display_name: string;
  scopes: string[];
  models: string[] | null;
  owner: string | null;
  max_priority: string;
  last_four: string;
  expires_at: string | null;
  revoked_at: string | null;
  previous_works_until: string | null;
  key?: string; // its text, once
}

export interface Model extends Managed {
  id: string;
  name: string;
  engine: string;
  engines: string[];
  engine_model: string;
  adapter: number | null;
  owned_by: string;
  chat: boolean;
  completions: boolean;
  embeddings: boolean;
  artifact?: string | null; // NAME@VERSION that it serves; a tenant's people are not told
  tenants: string[] | null;
  context_tokens: number; // 0: as the engine
  output_tokens_max: number; // 0: as the context allows
  choices_max: number;
  extra_fields: string[];
  reject_unknown_fields: boolean;
  first_token_timeout: string;
  stall_timeout: string;
  total_timeout: string;
  commit_after: string;
}

export type ArtifactStage = "draft" | "testing" | "released" | "deprecated" | "retired";

export interface Artifact extends Managed {
  id: string;
  artifact: string; // NAME@VERSION
  name: string;
  version: string;
  stage: ArtifactStage;
  tenants: string[] | null; // testers, or whom it is released to; null: all
  retires_at: string | null;
  format: string;
  digest: string;
  bytes: number;
  architecture: string;
  quantisation: string;
  parameters: number; // 0: not known, as the context
  context_tokens: number;
  licence: string;
  origin: string;
  owner: string;
  labels: Record<string, string>;
  models: string[];
  updated_at?: string;
}

export interface TestCase {
  name: string;
  passed: boolean;
  failures?: string[];
  output_tokens?: number;
  ms?: number;
}

export interface TestRun {
  id: string;
  set: string;
  model: string;
  passed: number;
  failed: number;
  at: string;
  results: TestCase[];
}

export interface Engine extends Managed {
  name: string;
  dialect: string;
  url?: string;
  slots: number;
  state: string;
  condition?: string;
  reason: string;
  since: string;
  restarts: number;
  supervised?: boolean; // its process is ours
  out_of_service?: boolean; // an administrator has stopped it
  memory_bytes?: number | null;
  in_flight?: number;
  load: { running: number; waiting: number; kv_used_percent: number | null } | null;
}

export interface EngineLog {
  name: string;
  lines: string[];
  withheld: number;
}

export interface RouteVersion {
  model: string;
  stage: string;
  weight: number;
  share: string;
}

// A header of a request has the same form.
export interface KeyLabel {
  name: string;
  value: string;
}

export interface Route extends Managed {
  name: string;
  versions: RouteVersion[];
  sticky: string;
  mirror: { version: string; share: number; in_flight_max: number; prompt_bytes_max: number } | null; // percent
  grey: { name: string; version: string; tenants: string[]; key_label?: KeyLabel } | null;
  conditions: { name: string; version: string; headers: KeyLabel[]; key_labels?: KeyLabel[]; tenant?: string; project?: string }[];
  timeouts: Record<"connect" | "first_token" | "first_token_per_1000" | "inter_token" | "total", string | null> | null;
  fallbacks: { model?: string; route?: string }[];
  models: string[];
  rollout: boolean;
}

export type RolloutState = "waiting" | "holding" | "paused" | "promoted" | "rolled_back";

export interface Rollout {
  id: string;
  route: string;
  stable: string;
  candidate: string;
  state: RolloutState;
  share: string;
  step: number;
  steps: string[];
  gates: string[];
  held_s: number;
  stable_requests: number;
  candidate_requests: number;
  reason: string;
  since: string;
  created_at: string;
  revision: number;
  evidence?: { measure: string; verdict: string; text: string }[];
  events?: { at: string; state: RolloutState; share: string; text: string }[];
  report?: ReportLine[];
}

export interface ReportLine {
  name: string;
  unit: string;
  stable: number | string | null;
  candidate: number | string | null;
  difference_low: number | string | null;
  difference_high: number | string | null;
}

// Rates in GPUs, as decimal text.
export interface PoolPart {
  pool: string;
  part: string;
  level: "pool" | "cohort" | "tenant" | "project";
  guaranteed: string;
  weight: string;
  used: string;
  borrowed: string;
  lent: string;
  history: string;
  waiting: number;
  running: number;
  managed_by: "api" | "file" | null;
}

export interface Pool {
  name: string;
  engines: string[];
  capacity: string | null;
  parts: PoolPart[];
}

export interface Limit extends Managed {
  id: string;
  name: string;
  scope: string;
  tenant: string | null;
  project: string | null;
  user: string | null;
  key: string | null;
  pool: string | null;
  measure: string;
  window: string | null;
  amount: number | string;
  currency: string | null;
  shadow: boolean;
  model: string | null;
  in_force: boolean;
  used: number | string | null;
  reset_at: string | null;
  balances?: unknown[]; // of each user
}

export interface UsageLine {
  group: string;
  label?: string;
  tenant?: string;
  requests: number;
  open: number;
  prompt_tokens: number;
  cached_tokens: number;
  generated_tokens: number;
  delivered_tokens: number;
  gse_seconds: string;
  energy_mj: number;
  cost: string | null;
  cost_micro: number;
  currency: string;
  unpriced: number;
  lower_bound: boolean;
}

export interface Usage {
  tenant: string | null;
  by: string;
  time_zone: string;
  from: string | null;
  until: string | null;
  data: UsageLine[];
}

export interface Forecast {
  month: string;
  history_days: number;
  too_little_data: boolean;
  method: string;
  data: { figure: string; currency?: string; so_far: number | string; expected: number | string | null; low: number | string | null; high: number | string | null }[];
}

export interface Statement {
  tenant: string;
  month: string;
  time_zone: string;
  from: string;
  until: string;
  preliminary: boolean;
  requests: number;
  unpriced: number;
  totals: { currency: string; usage_micro: number; adjustments_micro: number; due_micro: number; due: string }[];
  lines: {
    project: string;
    cost_centre: string;
    model: string;
    price: string;
    currency: string;
    requests: number;
    prompt_tokens: number;
    cached_tokens: number;
    generated_tokens: number;
    cost_micro: number;
    unpriced: number;
  }[];
  adjustments: { id: string; at: string; amount_micro: number; currency: string; reason: string }[];
  audit_checkpoint: string;
}

export interface Explanation {
  id: string;
  state: string;
  intent?: {
    opened_at: string;
    tenant: string;
    project: string;
    key: string;
    key_name: string;
    user: string;
    operation: string;
    streamed: boolean;
    model: string;
    model_revision: string;
    engine: string;
    price_version: string;
    currency: string;
  };
  settle?: {
    settled_at: string;
    booked_at: string;
    finish: string;
    prompt_tokens: number;
    cached_tokens: number;
    generated_tokens: number;
    delivered_tokens: number;
  } | null;
  class?: string;
  pool?: string;
  scheduling?: Scheduling | null;
  cost?: {
    priced: boolean;
    currency: string;
    lines: { name: string; quantity: number; unit: string; rate_micro: number; per: string; amount_micro: number }[];
    cost_micro: number;
    cost: string;
    adds_up: boolean;
  } | null;
  limits?: string[];
  audit?: { index?: number; note?: string };
}

export interface Scheduling {
  version?: string;
  class?: string;
  attempts?: {
    version?: string;
    why?: string | null;
    engine: string | null;
    outcome: string | null;
    waited_us: number;
    rule: string | null;
    pool?: string;
    engines?: { engine: string; verdict: string; cost_us: number | null; parts_us?: Record<string, number> }[];
  }[];
}

export interface AuditEntry {
  t: string;
  kind: "request" | "admin" | "key";
  tenant?: string;
  action?: string;
  object_ref?: string;
  actor_type?: string;
  outcome?: string;
  reason?: string;
  rid?: string;
  op?: string;
  model?: string;
  [member: string]: unknown;
}

export interface AuditRecord {
  index: number;
  entry: AuditEntry;
  detail?: Record<string, unknown> | null;
  detail_missing?: string;
}

export interface AuditProof {
  index: number;
  bytes: string;
  proof: string[];
  checkpoint: string;
  keys: string;
}

export interface AuditCheckpoint {
  checkpoint: string;
  keys: string;
  size: number;
  signed_size: number;
  waiting: number;
  gaps: number;
}

export interface System {
  version: string;
  ready: boolean;
  not_ready: string[];
}

export interface Membership extends Managed {
  id: string;
  user: string;
  role: string;
  tenant: string | null; // null: on the platform
  password_reset?: boolean;
}

export interface User extends Managed {
  id: string;
  login: string;
  display_name: string;
  kind: "person" | "service";
  disabled: boolean;
  has_password: boolean;
  memberships: Membership[];
}

export interface UserSession {
  id: string;
  created_at: string;
  seen_at: string;
  expires_at: string;
  user_agent: string;
  source: string;
  current: boolean;
}

export interface Token {
  id: string;
  name: string;
  created_at: string;
  expires_at: string | null;
  last_four: string;
  used_at: string | null;
  token?: string; // its text, once
}

export interface Session {
  user: User | null; // null: the admin token
  // What one may do to which kind of thing, on the platform (tenant null) or in a tenant.
  may: { tenant: string | null; resources: Record<string, string[]> }[];
  csrf_token: string | null;
}

export type RequestStatus = "open" | "completed" | "cancelled" | "failed";

export interface RequestLine {
  id: string;
  opened_at: string;
  tenant: string;
  project: string;
  key: string;
  owner: string | null;
  model: string;
  version: string | null;
  status: RequestStatus;
  outcome: string | null;
  prompt_tokens: number;
  output_tokens: number;
  cost: string | null;
  currency: string | null;
  total_ms: number | null;
}

export interface LiveFigures {
  requests_per_s: number;
  output_tokens_per_s: number;
  errors_per_s: number;
  ttft_ms: { p50: number | null; p95: number | null } | null;
  running: number;
  waiting: number;
}

export interface Live extends LiveFigures {
  at: string;
  tenants: ({ tenant: string; borrowed: number; lent: number } & LiveFigures)[]; // the busiest ones
}

export type Severity = "info" | "warning" | "error";

export interface PlatformEvent {
  id: string;
  at: string;
  kind: string; // "engine.state"
  severity: Severity;
  subject: string;
  tenant?: string | null;
  text: string;
}

export type WebhookState = "ok" | "failing" | "disabled" | "not_allowed";

export interface Deliveries {
  delivered: number;
  retried: number; // attempts that failed
  dropped: number;
  waiting: number;
  last_status: number | null;
  last_error: string | null;
  last_at: string | null;
}

export interface Webhook extends Managed {
  id: string;
  name: string;
  tenant: string | null; // null: the platform's, told of all
  url: string;
  events: string[]; // "limit.*"
  enabled: boolean;
  state: WebhookState;
  deliveries: Deliveries;
  updated_at?: string;
  secret?: string; // its text, once
}

// What the server goes by, secrets by their references only.
export interface ServerConfig {
  file: string | null;
  revision: string;
  loaded_at: string;
  restart_pending: string[]; // sections that the file has otherwise since the start
  refused: { at: string; error: string } | null; // the last reload that was not taken
  config: Record<string, unknown>;
}
