// Sovereign Mesh for Node: helpers around the official OpenAI SDK. `@sovmesh/sdk/admin` has the admin API.
export { Mesh, type MeshOptions } from "./client.ts";
export { ConfigurationError } from "./environment.ts";
export {
  ConcurrencyLimited,
  ContextLengthExceeded,
  DependencyUnavailable,
  IdempotencyInProgress,
  IdempotencyKeyReused,
  InsufficientPermissions,
  InvalidApiKey,
  MeteringUnavailable,
  ModelLoading,
  ModelNotFound,
  NoHealthyBackend,
  Overloaded,
  type Problem,
  QueueFull,
  QuotaExhausted,
  RateLimited,
  ReplayUnavailable,
  UpstreamError,
  UpstreamTimeout,
  problem,
} from "./errors.ts";
export { type Limit, type Meta, meta } from "./meta.ts";
export { type Options, type Priority, options } from "./options.ts";
export type { GroupBy, Own, OwnRequest, Page, Paged, Range, UsagePage, UsageRequest, UsageSum } from "./own.ts";
export { Reading, TruncatedStream, cutOf, read } from "./reading.ts";
export { DEFAULT_POLICY, type Fetch, type RetryPolicy, retryingFetch } from "./retry.ts";
