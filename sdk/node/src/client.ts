// The official client, at the gateway: made from the environment, patient by our rules, with our errors.
import OpenAI, { type APIError, type ClientOptions } from "openai";

import { ConfigurationError, apiKeyFrom, baseURLFrom } from "./environment.ts";
import { statusError } from "./errors.ts";
import { Own } from "./own.ts";
import { type Fetch, type RetryPolicy, isRetrying, retryingFetch } from "./retry.ts";

export interface MeshOptions extends ClientOptions {
  /** Calls below `/t/TENANT/v1`. */
  tenant?: string;
  /** Instead of the SDK's `maxRetries`, which stays 0. */
  retry?: Partial<RetryPolicy>;
}

/**
 * `OpenAI` with everything that it can, and
 * - base URL and key from SOVMESH_BASE_URL and SOVMESH_API_KEY (else OPENAI_...), or options;
 * - its own rules for trying again, around `fetch`;
 * - errors of the gateway have classes of their own, below the SDK's;
 * - `mesh`: usage and requests of the key's project.
 */
export class Mesh extends OpenAI {
  readonly mesh: Own;

  constructor(options: MeshOptions = {}) {
    const { tenant, retry, ...more } = options;
    if (more.maxRetries) {
      throw new ConfigurationError("maxRetries: who tries again is `retry`; pass retry: { attemptsMax: ... }");
    }
    const inner = more.fetch as Fetch | undefined;
    if (retry && isRetrying(inner)) throw new ConfigurationError("retry: this `fetch` has its rules already");
    super({
      ...more,
      apiKey: typeof more.apiKey === "function" ? more.apiKey : apiKeyFrom(more.apiKey ?? undefined),
      baseURL: baseURLFrom(more.baseURL, tenant),
      // Those of the environment are of another service.
      organization: more.organization ?? null,
      project: more.project ?? null,
      maxRetries: 0,
      fetch: retryingFetch(inner, retry) as NonNullable<ClientOptions["fetch"]>,
    });
    this.mesh = new Own(this);
  }

  protected override makeStatusError(
    status: number,
    error: Object,
    message: string | undefined,
    headers: Headers,
  ): APIError {
    return statusError(super.makeStatusError(status, error, message, headers), message);
  }
}
