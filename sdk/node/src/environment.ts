// Where the gateway is and who calls it: from arguments, else from the environment.
import { OpenAIError } from "openai";

export type Environment = Readonly<Record<string, string | undefined>>;

/** A client cannot be made of what it was given. The message says what to set. */
export class ConfigurationError extends OpenAIError {}

function first(names: readonly string[], environment: Environment): { name: string; value: string } | undefined {
  for (const name of names) {
    const value = environment[name]?.trim();
    if (value) return { name, value };
  }
  return undefined;
}

/** A key of a project: `given`, else of the environment. */
export function apiKeyFrom(given: string | undefined, environment: Environment = process.env): string {
  const found = first(["SOVMESH_API_KEY", "OPENAI_API_KEY"], environment);
  const { name, value } = given !== undefined ? { name: "apiKey", value: given } : (found ?? { name: "", value: "" });
  if (!value) {
    throw new ConfigurationError("There is no API key: pass apiKey, or set SOVMESH_API_KEY (or OPENAI_API_KEY).");
  }
  if (!/^[!-~]+$/.test(value)) {
    throw new ConfigurationError(`${name}: a key has no spaces, line ends or other such characters.`);
  }
  return value;
}

/**
 * The base URL, which ends in `/v1`; with `tenant` in `/t/TENANT/v1`. Never defaults to a public service:
 * prompts that were meant for the gateway must not leave.
 */
export function baseURLFrom(
  given: string | null | undefined,
  tenant: string | undefined,
  environment: Environment = process.env,
): string {
  const found = first(["SOVMESH_BASE_URL", "OPENAI_BASE_URL"], environment);
  const { name, value } = given != null ? { name: "baseURL", value: given } : (found ?? { name: "", value: "" });
  if (!value) {
    throw new ConfigurationError(
      "It is not known where the gateway is: pass baseURL, or set SOVMESH_BASE_URL (or OPENAI_BASE_URL), " +
        "as http://gateway:8080/v1.",
    );
  }
  const url = URL.canParse(value) ? new URL(value) : undefined;
  if (!url || !["http:", "https:"].includes(url.protocol)) {
    throw new ConfigurationError(`${name}: want http://HOST:PORT/v1 or https://HOST/v1, not '${value}'.`);
  }
  if (url.username || url.password || url.search || url.hash) {
    throw new ConfigurationError(`${name}: a base URL has no user, no query and no fragment.`);
  }
  let path = url.pathname.replace(/\/+$/, "").replace(/\/v1$/, "");
  if (tenant !== undefined) path = withTenant(path, tenant);
  return `${url.origin}${path}/v1`;
}

function withTenant(path: string, tenant: string): string {
  if (!/^[a-z][a-z0-9-]{2,39}$/.test(tenant)) {
    throw new ConfigurationError(`tenant: want the slug of a tenant (as aurora), not '${tenant}'.`);
  }
  const named = /\/t\/([^/]+)$/.exec(path);
  if (!named) return `${path}/t/${tenant}`;
  if (named[1] !== tenant) {
    throw new ConfigurationError(`tenant: the base URL is that of '${named[1]}' already.`);
  }
  return path;
}
