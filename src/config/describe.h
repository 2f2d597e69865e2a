#pragma once

#include <chrono>
#include <limits>
#include <string_view>

#include "config/config.h"

namespace sovmesh::config {

// What a number, text or duration may be.
struct Bounds {
  std::int64_t min = std::numeric_limits<std::int64_t>::min();
  std::int64_t max = std::numeric_limits<std::int64_t>::max();
};
inline constexpr Bounds kAny{};
inline constexpr Bounds kPositive{.min = 1};
inline constexpr Bounds kNotNegative{.min = 0};
inline constexpr Bounds kPercent{.min = 0, .max = 100};
inline constexpr Bounds kASecond{.min =
                                     1'000};  // durations count in milliseconds, whole seconds here

// The one table of all settings. A visitor V (the YAML reader, the JSON Schema writer, the
// reference writer, the environment reader) sees each field once, with its name, its place and a
// sentence for the operator. V has:
//   field(name, value&, sentence[, bounds or choices])   required(name, value&, sentence[, bounds])
//   section(name, struct&, sentence)                     list(name, vector<struct>&, sentence)
//   choice(name, string&, sentence, allowed)      required_choice, optional_choice the same
//   never(name, optional<duration>&, sentence)
//   secret(name, Secret&, sentence)                      required_secret, optional_secret the same
//   position(Position&)                                  given(Given&)
template <class V>
void describe(V& v, TlsFiles& tls) {
  v.position(tls.position);
  v.required("certificate", tls.certificate, "PEM file with the certificate chain, leaf first.");
  v.required("key", tls.key, "PEM file with the private key; it must fit the certificate.");
}

template <class V>
void describe(V& v, Server& server) {
  v.position(server.position);
  v.field("workers", server.workers, "Worker threads. 0: one per CPU.",
          Bounds{.min = 0, .max = 256});
  v.field("listen", server.listen,
          "Addresses of the OpenAI-compatible API: ADDR:PORT, [IPV6]:PORT, *:PORT or unix:/PATH.");
  v.field("admin_listen", server.admin_listen,
          "Addresses of the admin API. Keep them on loopback unless TLS is in front.");
  v.field("admin_rate", server.admin_rate,
          "Most calls of the admin API in a second by one session, one token, or one address that "
          "shows neither. 0: no bound. The socket of the data folder has none.",
          Bounds{.min = 0, .max = 1'000'000});
  v.field("admin_burst", server.admin_burst, "So many of them may come at once.",
          Bounds{.min = 1, .max = 1'000'000});
  v.field(
      "metrics_listen", server.metrics_listen,
      "Addresses of /metrics and of health with reasons. They name tenants: keep them internal.");
  v.field("hosts", server.hosts,
          "Host names this server answers for, beside those of tenants. Empty: any.");
  v.field("cors_origins", server.cors_origins,
          "Origins whose pages may call the API from a browser, exactly as browsers send them "
          "(https://app.example). Empty: none.");
  v.optional_section("tls", server.tls, "Serve the API over TLS. Absent: clear text.");
  v.field("body_bytes_max", server.body_bytes_max, "Largest request body, in bytes.",
          Bounds{.min = 1024, .max = std::int64_t{1} << 30});
  v.field("head_bytes_max", server.head_bytes_max, "Largest request head, in bytes.",
          Bounds{.min = 1024, .max = 1 << 20});
  v.field("fields_max", server.fields_max, "Most header fields of a request.",
          Bounds{.min = 8, .max = 1000});
  v.field("connections_max", server.connections_max, "Most open connections per worker.",
          Bounds{.min = 1, .max = 1'000'000});
  v.field("connections_per_ip_max", server.connections_per_ip_max,
          "Most open connections of one address per worker.", Bounds{.min = 1, .max = 1'000'000});
  v.field("streams_per_connection_max", server.streams_per_connection_max,
          "Most concurrent streams of one HTTP/2 connection.", Bounds{.min = 1, .max = 10'000});
  v.field("head_time", server.head_time, "Time a client has to send a request's head.", kPositive);
  v.field("body_time", server.body_time, "Time a client has to send a request's body.", kPositive);
  v.field("keep_alive", server.keep_alive, "How long an idle connection stays open.", kPositive);
  v.field("write_stall", server.write_stall,
          "A client that takes nothing for this long is disconnected.", kPositive);
  v.field(
      "half_close_keep", server.half_close_keep,
      "Go on answering HTTP/1.1 clients that closed their sending side. Off: that is a hang-up.");
  v.field("accept_after_term", server.accept_after_term,
          "After SIGTERM, keep accepting for this long while load balancers notice.");
  v.field("drain_time", server.drain_time, "After that, running requests may take this long.",
          kASecond);
  v.field("queue_per_tenant_max", server.queue_per_tenant_max,
          "Most requests of one tenant that wait for an engine.", Bounds{.min = 1, .max = 100'000});
  v.field("queue_time", server.queue_time, "Longest wait for an engine before 429 queue_full.");
}

template <class V>
void describe(V& v, Logging& log) {
  v.field("path", log.path, "File for JSON log lines. \"-\": standard error.");
  v.choice("level", log.level, "Least severe lines that are written.",
           {"debug", "info", "warning", "error"});
}

template <class V>
void describe(V& v, Security& security) {
  v.position(security.position);
  v.optional_secret("pepper", security.pepper,
                    "The HMAC key under which API keys are stored, for gateways that share a "
                    "store: 32 characters or more. "
                    "Absent: DATA_DIR/secrets/pepper.1, made at the first start.");
}

template <class V>
void describe(V& v, Engine& engine) {
  v.position(engine.position);
  v.given(engine.given);
  v.required("name", engine.name, "Name that models refer to.");
  v.kind(engine.managed);
  v.field("model_file", engine.model_file, "managed: the .gguf file.");
  v.field("adapter_files", engine.adapter_files,
          "managed: LoRA adapters (.gguf); models name them by position, from 0.");
  v.field(
      "program", engine.program,
      "managed: the llama-server program. Empty: $SM_LLAMA_SERVER, then llama-server on PATH, then "
      "the one that was installed with us.");
  v.field("slots", engine.slots,
          "Requests it runs at once; more wait in the gateway. 0: 4 when managed, 64 when remote.",
          Bounds{.min = 0, .max = 65536});
  v.field("context_tokens", engine.context_tokens, "managed: context of one slot, in tokens.",
          Bounds{.min = 128, .max = 10'000'000});
  v.field("threads", engine.threads, "managed: CPU threads. More than 1 only helps larger models.",
          Bounds{.min = 1, .max = 1024});
  v.field("embeddings", engine.embeddings, "managed: also offer embeddings (mean pooling).");
  v.field("start_at_boot", engine.start_at_boot,
          "managed: start with the gateway. Off: with the first request.");
  v.field("memory_max_bytes", engine.memory_max_bytes, "managed: memory limit. 0: none.",
          kNotNegative);
  v.field("sandbox", engine.sandbox,
          "managed: confine the process. Switch it off only to find a fault.");
  v.choice("dialect", engine.dialect, "remote: what kind of server it is.",
           {"openai", "vllm", "sglang", "llama_cpp", "tgi", "tensorrt_llm"});
  v.field("url", engine.url,
          "remote: base URL, as http://HOST:PORT/v1, https://... or unix:/PATH.");
  v.secret("api_key", engine.api_key, "remote: its API key.");
  v.file_contents("ca_file", engine.ca_pem, "remote: PEM file; only this CA is trusted.");
  v.field(
      "capabilities", engine.capabilities,
      "remote: what it can do, where its dialect does not tell (embeddings, images, tools, ...).");
  v.field(
      "discover_models", engine.discover_models,
      "remote: offer every model that it lists (256 at most), to every tenant. Its list is read "
      "with each health probe; models of this file or of the admin API win over its names.");
  v.field("read_load", engine.read_load,
          "remote: read from its metrics page how busy it is, others' requests and its KV memory "
          "included. Off where one url stands for several engines.");
  v.field("site", engine.site,
          "Where it stands, in audit entries: at most 64 characters. Empty: `audit.site`.");
  v.field("jurisdiction", engine.jurisdiction,
          "Whose law applies there, in audit entries, as DK. Empty: `audit.jurisdiction`.");
}

template <class V>
void describe(V& v, Model& model) {
  v.position(model.position);
  v.given(model.given);
  v.required("name", model.name, "The name that tenants call.");
  v.field("engine", model.engine, "The engine that serves it. This or `engines`.");
  v.field("engines", model.engines,
          "Engines that serve it alike: each request goes to the one where it ends soonest "
          "(docs/routing.md). All of them are in one pool.");
  v.field("engine_model", model.engine_model, "Its name at the engine. Empty: the same name.");
  v.field("adapter", model.adapter, "Position of a LoRA adapter of a managed engine.",
          kNotNegative);
  v.field(
      "digest", model.digest,
      "SHA-256 of the files that a remote engine serves it from, 64 hexadecimal digits, for audit "
      "entries. A managed engine's files are hashed by the gateway.");
  v.field(
      "artifact", model.artifact,
      "The imported artifact that it serves, as NAME@VERSION (docs/models.md): who may call it is "
      "bound by the artifact's stage and release.");
  v.field("owned_by", model.owned_by, "Shown by /v1/models.");
  v.field("chat", model.chat, "Offer /v1/chat/completions.");
  v.field("completions", model.completions, "Offer /v1/completions.");
  v.field("embeddings", model.embeddings, "Offer /v1/embeddings.");
  v.field("tenants", model.tenants, "Tenants that see it. Absent: all.");
  v.field("context_tokens", model.context_tokens,
          "Tokens of prompt and answer together: what cannot fit is refused with 400 "
          "context_length_exceeded before it reaches the engine, and /v1/models shows it as "
          "max_model_len. 0: a managed engine's own context; else the engine decides alone.",
          kNotNegative);
  v.field("output_tokens_max", model.output_tokens_max,
          "Largest max_tokens of a request. 0: no bound.", kNotNegative);
  v.field("choices_max", model.choices_max, "Largest n of a request.",
          Bounds{.min = 1, .max = 128});
  v.field("extra_fields", model.extra_fields,
          "Request fields outside the OpenAI API that are passed on to the engine.");
  v.field("reject_unknown_fields", model.reject_unknown_fields,
          "Refuse other unknown fields with 400. Off: drop them.");
  v.field("first_token_timeout", model.first_token_timeout, "Longest wait for the first token.",
          kPositive);
  v.field("stall_timeout", model.stall_timeout, "Longest silence inside an answer.", kPositive);
  v.field("total_timeout", model.total_timeout, "Longest time for one request.", kPositive);
  v.never(
      "commit_after", model.commit_after,
      "Streams that wait this long get their status and keep-alive comments. \"never\": they wait "
      "for the first token.");
}

template <class V>
void describe(V& v, RouteVersion& version) {
  v.position(version.position);
  v.required("model", version.model, "The model that answers.");
  v.field("weight", version.weight,
          "Its part of the requests, relative to the other versions' weights. 0: only by the grey "
          "channel, a condition, a mirror or a rollout.",
          Bounds{.min = 0, .max = 1'000'000});
  v.choice("stage", version.stage,
           "What it is for; exactly one version is the stable one, with which others are compared.",
           {"stable", "canary", "experiment"});
}

template <class V>
void describe(V& v, HeaderMatch& match) {
  v.position(match.position);
  v.required("name", match.name, "Name of the header, in lower case; none with credentials.");
  v.required("value", match.value, "The value that it must have, byte by byte.");
}

template <class V>
void describe(V& v, KeyLabel& label) {
  v.position(label.position);
  v.required("name", label.name, "Name of a label of the key that is shown.");
  v.required("value", label.value, "The value that it must have, byte by byte.");
}

template <class V>
void describe(V& v, RouteCondition& condition) {
  v.position(condition.position);
  v.required("name", condition.name, "A name for explanations, of a-z, 0-9 and '-'.");
  v.required("version", condition.version, "Where requests go that have all of what follows.");
  v.list("headers", condition.headers,
         "Headers that the request must have; with labels 8 at most. Anybody can set them.");
  v.list("key_labels", condition.key_labels, "Labels that its key must have.");
  v.field("tenant", condition.tenant, "Whose request it must be. Empty: anybody's.");
  v.field("project", condition.project, "The tenant's project that its key must be of.");
}

template <class V>
void describe(V& v, GreyChannel& grey) {
  v.position(grey.position);
  v.required("name", grey.name,
             "What requests name in the header x-sm-channel: 1 to 64 of a-z, 0-9 and '-'.");
  v.required("version", grey.version, "Where they go.");
  v.required("tenants", grey.tenants, "Tenants that take part; others' header means nothing.");
  v.optional_section("key_label", grey.key_label,
                     "Requests with keys of this label go there, too, without the header.");
}

// For who looks for a place in one of a route's lists ("fallback", "version"). Empty: something
// else.
inline std::string_view hint_of_place(std::string_view list, std::string_view name) {
  const bool is_place = name == "engine" || name == "engines" || name == "site" ||
                        name == "region" || name == "jurisdiction";
  if (!is_place || (list != "fallback" && list != "version")) return "";
  return "a route names models: give each engine or site a model of its own with the same "
         "'engine_model', and name that";
}

template <class V>
void describe(V& v, RouteFallback& fallback) {
  v.position(fallback.position);
  v.field("model", fallback.model, "A model, or");
  v.field("route", fallback.route,
          "a route, which chooses among its own versions and goes on with its own fallbacks.");
}

template <class V>
void describe(V& v, RouteMirror& mirror) {
  v.position(mirror.position);
  v.required("version", mirror.version, "One of the versions, with the weight 0.");
  v.required("share", mirror.share,
             "How many of the requests are copied, in percent: up to 100, with at most 2 "
             "decimals. Which ones follows from their ids.");
  v.field("in_flight_max", mirror.in_flight_max,
          "Most copies that run at once; of more none is made.", {.min = 1, .max = 1'000});
  v.field("prompt_bytes_max", mirror.prompt_bytes_max,
          "Largest body of a request that is copied, in bytes.", {.min = 1, .max = 33'554'432});
}

template <class V>
void describe(V& v, RouteTimeouts& times) {
  v.position(times.position);
  v.field("connect", times.connect,
          "Longest wait for a connection to an engine; then another one is asked, or a fallback. "
          "5s where it is absent.",
          kPositive);
  v.field("first_token", times.first_token, "Longest wait for the first token.", kPositive);
  v.field("first_token_per_1000", times.first_token_per_1000,
          "What each 1,000 tokens of prompt (estimated) add to it.", kNotNegative);
  v.field("inter_token", times.inter_token, "Longest silence inside an answer.", kPositive);
  v.field("total", times.total, "Longest time for one request.", kPositive);
}

template <class V>
void describe(V& v, Route& route) {
  v.position(route.position);
  v.given(route.given);
  v.required("name", route.name,
             "The name that tenants call. It may be that of one of its versions, which it then "
             "stands in front of.");
  v.list("versions", route.versions, "The models that answer, 1 to 16.");
  v.choice(
      "sticky", route.sticky,
      "Whose requests stay together at one version: those of a conversation (header "
      "x-sm-session), a user (the key's owner) or a tenant. Where a request lacks it, the next "
      "wider one counts.",
      {"session", "user", "tenant"});
  v.optional_section("grey", route.grey, "A version for those who ask for it.");
  v.list(
      "conditions", route.conditions,
      "Versions by header, label of the key, tenant and project; the first one that fits counts, "
      "before weights.");
  v.optional_section("mirror", route.mirror,
                     "A version that gets copies of requests, whose answers nobody gets: to be "
                     "compared, and never charged.");
  v.list("fallbacks", route.fallbacks,
         "What answers, in this order, while a version's engine is not healthy, or when it fails "
         "before its answer begins.");
  v.optional_section("timeouts", route.timeouts,
                     "Times of its requests. Absent, or what is absent of them: as the model has "
                     "them.");
}

template <class V>
void describe(V& v, Limit& limit) {
  v.position(limit.position);
  v.given(limit.given);
  v.field("name", limit.name, "A name for people, in errors and metrics.");
  v.required_choice("measure", limit.measure,
                    "What is counted: money in the tenant's currency, gpu_seconds as GPU time that "
                    "is worked out with the price's `gse`.",
                    {"requests", "input_tokens", "output_tokens", "total_tokens", "concurrency",
                     "money", "gpu_seconds"});
  v.optional_choice("window", limit.window,
                    "In what time; days and months are those of the tenant's time zone (a pool's: "
                    "UTC). Concurrency has none.",
                    {"second", "minute", "hour", "day", "month", "lifetime"});
  v.required(
      "amount", limit.amount,
      "How much: a whole number; of money and gpu_seconds with at most 6 decimals, exactly.");
  v.field("rolling", limit.rolling,
          "Count the time just past instead of from the start of the minute, hour or day.");
  v.field("shadow", limit.shadow, "Refuse nothing, only count what would have been refused.");
  v.field("model", limit.model, "Only requests to this model count. Absent: all.");
}

template <class V>
void describe(V& v, Key& key) {
  v.position(key.position);
  v.given(key.given);
  v.required("name", key.name, "A name for people.");
  v.field("project", key.project, "The project it counts to.");
  v.required_secret("secret", key.secret,
                    "The whole key (sm-...). Make one with `sovmesh key generate`.");
  v.field("scopes", key.scopes,
          "What it may do: inference, read:models, read:usage (a tenant's own usage over the "
          "API).");
  v.field("models", key.models, "Models it may use. Absent: every model of its tenant.");
  v.field("expires_at", key.expires_at, "When it stops working, as 2027-01-31T00:00:00Z.");
  v.field("owner", key.owner, "The user whose limits it counts against.");
  v.field("max_priority", key.max_priority,
          "The highest class that its requests may have, and the one without `x-sm-priority`: "
          "interactive, agent or batch.");
  v.field(
      "labels", key.labels,
      "What routes may go by, as {tier: gold}: at most 16, names of a-z, 0-9, '.', '_' and '-', "
      "names and values of 1 to 64 characters.");
  v.list("limits", key.limits, "What may be used with this key.");
}

template <class V>
void describe(V& v, Project& project) {
  v.position(project.position);
  v.given(project.given);
  v.required("name", project.name, "3 to 40 characters of a-z, 0-9 and '-'.");
  v.field("display_name", project.display_name, "A name for people.");
  v.field("cost_centre", project.cost_centre,
          "Where its costs are booked, shown in usage and statements: at most 64 characters.");
  v.list("limits", project.limits, "What may be used by all of its keys together.");
}

template <class V>
void describe(V& v, User& user) {
  v.position(user.position);
  v.required("name", user.name,
             "As keys name it in `owner`. \"*\": each owner, with a balance of his own.");
  v.list("limits", user.limits, "What may be used by all keys of this owner together.");
}

template <class V>
void describe(V& v, Replay& replay) {
  v.position(replay.position);
  v.field("ttl", replay.ttl, "How long an answer is kept: 24h at most, as its key.",
          Bounds{.min = 1'000, .max = 86'400'000});
  v.field("bytes_max", replay.bytes_max,
          "All of them together, in bytes; the oldest make room for new ones.",
          Bounds{.min = 64 << 10, .max = std::int64_t{1} << 40});
}

template <class V>
void describe(V& v, ParameterDefaults& values) {
  v.field("max_tokens", values.max_tokens,
          "Tokens of an answer, whether a client says max_tokens or max_completion_tokens.",
          Bounds{.min = 1, .max = 1'000'000'000});
  v.field("temperature", values.temperature, "0 to 2.");
  v.field("top_p", values.top_p, "0 to 1.");
  v.field("presence_penalty", values.presence_penalty, "0 to 2.");
  v.field("frequency_penalty", values.frequency_penalty, "0 to 2.");
}

template <class V>
void describe(V& v, ParameterMaximums& values) {
  describe(v, static_cast<ParameterDefaults&>(values));
  v.field("n", values.n, "Answers to one request; bounds best_of, too.",
          Bounds{.min = 1, .max = 128});
}

template <class V>
void describe(V& v, SystemPrompt& prompt) {
  v.position(prompt.position);
  v.required("name", prompt.name, "1 to 64 letters, digits, '.', '_' and '-'.");
  v.required("text", prompt.text,
             "At most 16 KiB. {{tenant}}, {{project}} and {{date}} (the UTC day) are filled in.");
  v.field("models", prompt.models, "By these names only. Absent: any.");
  v.field("projects", prompt.projects, "In these projects only. Absent: any.");
  v.choice("mode", prompt.mode,
           "prepend: always, before the client's messages; default: where the client sends no "
           "system or developer message.",
           {"prepend", "default"});
}

template <class V>
void describe(V& v, Disclaimer& disclaimer) {
  v.required("text", disclaimer.text, "At most 4 KiB, as it is: a line end before it is yours.");
}

template <class V>
void describe(V& v, TenantSettings& settings) {
  v.position(settings.position);
  v.field("models", settings.models,
          "Of the models and routes that it may use, those that are in use; others are as if they "
          "were not there. Absent: all.");
  v.optional_section("defaults", settings.defaults, "Values for requests that leave them out.");
  v.optional_section("maximums", settings.maximums, "Largest values of requests.");
  v.choice("on_excess", settings.on_excess,
           "What comes of a larger value: refuse (400), or clamp (the maximum takes its place).",
           {"refuse", "clamp"});
  v.list("system_prompts", settings.system_prompts,
         "What goes before the messages of a chat: the first one that fits.");
  v.optional_section("disclaimer", settings.disclaimer, "Goes behind the answers of chats.");
}

template <class V>
void describe(V& v, Tenant& tenant) {
  v.position(tenant.position);
  v.given(tenant.given);
  v.required("name", tenant.name, "3 to 40 characters of a-z, 0-9 and '-', the first a letter.");
  v.field("display_name", tenant.display_name, "A name for people.");
  v.field("hosts", tenant.hosts, "Host names of its own; they answer only to its keys.");
  v.field("suspended", tenant.suspended, "Refuse all of its keys.");
  v.field("time_zone", tenant.time_zone,
          "Where its days and months begin, for limits and statements, as Europe/Copenhagen.");
  v.field("currency", tenant.currency,
          "What it is billed in: 3 capitals. Only prices in this currency apply to it.");
  v.optional_section(
      "replay", tenant.replay,
      "Keep whole answers on this machine, encrypted, and give them again to whoever "
      "repeats an Idempotency-Key. Absent: a repeat is only told what the first "
      "request came to. Taken away: they are erased.");
  v.optional_section("settings", tenant.settings,
                     "What it wants of its own requests (docs/tenant-settings.md). Absent: what "
                     "its administrators have set through the admin API.");
  v.list("limits", tenant.limits, "What may be used by all of its keys together.");
  v.list("projects", tenant.projects, "Its projects, beside `default`.");
  v.list("users", tenant.users, "Owners of keys that have limits of their own.");
  v.list("keys", tenant.keys, "Its keys that the file manages.");
}

template <class V>
void describe_share(V& v, PoolShare& share) {
  v.position(share.position);
  v.given(share.given);
  v.field("guaranteed", share.guaranteed,
          "GPUs that it has whenever it wants them. Others may use them meanwhile.");
  v.field("borrowing_limit", share.borrowing_limit,
          "Most GPUs beyond what is guaranteed. Absent: no limit.");
  v.field("lending_limit", share.lending_limit,
          "Most GPUs of what is guaranteed that others may use while it does not. Absent: all.");
  v.field("weight", share.weight,
          "Its part of what nobody is guaranteed or uses, in proportion to the weights of the "
          "others: 0.001 to 1000.");
}

template <class V>
void describe(V& v, Cohort& cohort) {
  v.required("name", cohort.name, "A name, unique in the pool.");
  v.field("cohort", cohort.cohort, "The larger cohort that it is in. Empty: none.");
  describe_share(v, cohort);
}

template <class V>
void describe(V& v, Member& member) {
  v.required("tenant", member.tenant, "The tenant.");
  v.field("project", member.project,
          "One of its projects, whose share is of the tenant's. Empty: the tenant itself.");
  v.field("cohort", member.cohort, "The cohort that the tenant is in. Empty: none.");
  describe_share(v, member);
  v.field("concurrency_max", member.concurrency_max,
          "Most of its requests at work at a time; more wait. Absent: no limit.", kPositive);
  v.field("user_concurrency_max", member.user_concurrency_max,
          "The same for each owner of keys in it. Absent: no limit.", kPositive);
}

template <class V>
void describe(V& v, PoolTargets& targets) {
  v.position(targets.position);
  v.required("first_token", targets.first_token,
             "Time from a request to its first token, of an empty prompt: 100ms to 10m.",
             Bounds{.min = 100, .max = 600'000});
  v.field("first_token_per_1000", targets.first_token_per_1000,
          "So much more for each 1,000 tokens of the prompt: 0s to 1m.",
          Bounds{.min = 0, .max = 60'000});
  v.field("per_token", targets.per_token, "Mean time between two tokens of an answer: 1ms to 10s.",
          Bounds{.min = 1, .max = 10'000});
}

template <class V>
void describe(V& v, Pool& pool) {
  v.position(pool.position);
  v.given(pool.given);
  v.required("name", pool.name, "1 to 40 characters of a-z, 0-9 and '-'.");
  v.required("engines", pool.engines, "Its engines. An engine is in at most one pool.");
  v.list("limits", pool.limits,
         "What may be used on all of its engines together. None of money: tenants' currencies "
         "differ.");
  v.field("capacity", pool.capacity,
          "GPUs that its engines are, of which parts are guaranteed and lent. Absent: the sum of "
          "what is guaranteed.");
  v.field("locality_window", pool.locality_window,
          "GPU time by which a tenant may be served early where its prompt is cached: 0s to 60s. "
          "Service of tenants differs by up to twice as much more (docs/scheduling.md).",
          Bounds{.min = 0, .max = 60'000});
  v.field(
      "reclaim_after", pool.reclaim_after,
      "So long a request waits for what is guaranteed to its tenant; then one that runs on what "
      "others borrow gives way to it: 10ms to 1h. Batch requests of which their clients have "
      "seen nothing begin again, streams are cut.",
      Bounds{.min = 10, .max = 3'600'000});
  v.field("borrower_tokens_max", pool.borrower_tokens_max,
          "So many more tokens a stream has then before it is cut, if the place is still wanted.",
          Bounds{.min = 1, .max = 1'000'000});
  v.field("interactive_share", pool.interactive_share,
          "Percent of the work that requests of class interactive get at least while they wait.",
          kPercent);
  v.field("agent_share", pool.agent_share, "The same for class agent.", kPercent);
  v.field("batch_share", pool.batch_share, "The same for class batch.", kPercent);
  v.optional_section("targets", pool.targets,
                     "What requests are meant to meet. Those that can no longer do so let others "
                     "of their user go first, and begin where they slow no streams down, as long "
                     "as that is no harm to their tenant (docs/scheduling.md). Absent: no request "
                     "is late.");
  v.list("cohorts", pool.cohorts, "Groups of tenants that lend to each other first.");
  v.list("members", pool.members,
         "Tenants and projects with a share of their own. Those that are not named have weight 1 "
         "and no guarantee.");
}

template <class V>
void describe(V& v, GseRates& gse) {
  v.position(gse.position);
  v.required("prompt_us", gse.prompt_us,
             "Microseconds of GPU time per prompt token, with at most 3 decimals.");
  v.field("cached_us", gse.cached_us, "The same for a prompt token that was cached.");
  v.required("output_us", gse.output_us, "The same for a token of the answer.");
}

template <class V>
void describe(V& v, EnergyRates& energy) {
  v.position(energy.position);
  v.required("watts", energy.watts, "Power that a busy GPU draws.",
             Bounds{.min = 1, .max = 100'000});
  v.field("pue", energy.pue,
          "Power usage effectiveness of the site: 1 to 100, with at most 3 decimals.");
  v.field("g_co2e_per_kwh", energy.g_co2e_per_kwh, "Grams of CO2 equivalent per kWh of the site.",
          Bounds{.min = 0, .max = 100'000});
}

template <class V>
void describe(V& v, Price& price) {
  v.position(price.position);
  v.given(price.given);
  v.required("model", price.model, "The model's public name.");
  v.field("currency", price.currency, "3 capitals; it applies to tenants of this currency.");
  v.field("label", price.label, "A name for people, on statements.");
  v.field("from", price.from,
          "Applies from then on, as 2027-01-01 (midnight UTC) or 2027-01-01T00:00:00+01:00. "
          "Absent: always, until another one of the model begins.");
  v.field("per_call", price.per_call, "Per request.");
  v.field("input", price.input, "Per 1,000,000 prompt tokens that were not cached.");
  v.field("cached_input", price.cached_input,
          "Per 1,000,000 prompt tokens that were cached. Absent: as `input`.");
  v.field("output", price.output, "Per 1,000,000 tokens of answers.");
  v.field("characters", price.characters, "Per 1,000,000 characters of input.");
  v.field("concurrency_hour", price.concurrency_hour, "Per hour that one request is open.");
  v.field("gpu_second", price.gpu_second, "Per second of GPU time; needs `gse`.");
  v.optional_section("gse", price.gse,
                     "GPU time of the model's tokens, without which no GPU time is counted. It "
                     "stands with the price, so that a price "
                     "version is complete and models of the admin API can have it, too.");
  v.optional_section("energy", price.energy,
                     "Estimate energy and CO2 from GPU time (method: estimated); needs `gse`.");
  v.field("api_model", price.api_model,
          "The admin API makes the model, so that this file cannot know its name.");
}

template <class V>
void describe(V& v, Webhook& webhook) {
  v.position(webhook.position);
  v.required("url", webhook.url, "Where to post: https://..., on this machine also http://...");
  v.required_secret(
      "secret", webhook.secret,
      "Signs each body (HMAC-SHA256), so that the receiver can tell it is ours: 16 characters "
      "or more.");
}

template <class V>
void describe(V& v, Webhooks& webhooks) {
  v.position(webhooks.position);
  v.optional_section("budget_events", webhooks.budget_events,
                     "Told when a limit's use passes 50, 80, 95 and 100 %.");
  v.optional_section("audit_checkpoints", webhooks.audit_checkpoints,
                     "Gets the audit log's newest checkpoint, once a minute while there are new "
                     "entries: a copy outside of this machine.");
  v.optional_section("rollout_events", webhooks.rollout_events,
                     "Told when a rollout is started, steps on, is paused, resumed, promoted, "
                     "aborted or rolled back, with the gate and the figures.");
  v.field("allowed", webhooks.allowed,
          "Where webhooks that are made over the admin API may go: https://HOST[:PORT][/PATH], on "
          "this machine also http://...; with a path only to what begins with it. Without it none "
          "can be made.");
}

template <class V>
void describe(V& v, Audit& audit) {
  v.position(audit.position);
  v.given(audit.given);
  v.field("enabled", audit.enabled, "Keep the audit log.");
  v.field("fail_closed", audit.fail_closed,
          "Refuse requests with 503 while the log cannot be written. Off: serve on, and record the "
          "gap.");
  v.field("origin", audit.origin,
          "Name of the log in its checkpoints, unique for whoever collects several: give it your "
          "own, as ai.example.org/gateway-1, before the first start. Absent: sovmesh- and 8 random "
          "hexadecimal digits.");
  v.field("site", audit.site, "Where this gateway runs, in each entry.");
  v.field("jurisdiction", audit.jurisdiction, "Whose law applies there, in each entry, as DK.");
  v.field("export_path", audit.export_path,
          "Folder (absolute) that gets each checkpoint as a new file, never overwritten. Empty: "
          "none.");
  v.field("witness_keys", audit.witness_keys,
          "Verifier keys (NAME+KEYID+BASE64) of the machines whose cosignatures of checkpoints are "
          "taken; 16 at most.");
  v.field("checkpoint_interval", audit.checkpoint_interval,
          "Sign a checkpoint at least this often while there are new entries.", Bounds{.min = 100});
  v.field(
      "keep_days", audit.keep_days,
      "Days for which the encrypted personal data beside the log is kept. The log itself stays.",
      Bounds{.min = 1, .max = 36'500});
}

template <class V>
void describe(V& v, Ledger& ledger) {
  v.position(ledger.position);
  v.given(ledger.given);
  v.field("keep_days", ledger.keep_days,
          "Days for which each request's own row is kept. Sums per day stay.",
          Bounds{.min = 1, .max = 36'500});
  v.field("verify_every", ledger.verify_every,
          "How often the ledger is verified in the background, beginning at 03:00 UTC; a drift is "
          "logged, measured and in the audit log. At least 10s; 0s: never.");
}

template <class V>
void describe(V& v, Config& config) {
  v.includes(
      "include",
      "More files with engines, models, routes, tenants, pools and prices, relative to this one.");
  v.section("server", config.server, "Listeners, limits and times.");
  v.section("log", config.log, "Where log lines go.");
  v.section("security", config.security, "Secrets of the gateway itself.");
  v.list("engines", config.engines,
         "What runs models: child processes of ours or servers elsewhere.");
  v.list("models", config.models, "What tenants can call.");
  v.list("routes", config.routes,
         "Public names whose requests are spread over several models ([rollouts](rollouts.md)).");
  v.list("tenants", config.tenants, "Who may call it.");
  v.list("pools", config.pools,
         "Engines that share limits and work. Those in no pool share work with those that models "
         "connect them to, with a part for each tenant.");
  v.list("prices", config.prices,
         "What models cost. A change makes a new price version; what was billed keeps its own.");
  v.section("webhooks", config.webhooks, "Who is told of what happens.");
  v.section("audit", config.audit, "The audit log, which outsiders can verify.");
  v.section("ledger", config.ledger, "The usage ledger.");
}

}  // namespace sovmesh::config
