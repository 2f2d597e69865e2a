#include "compose/preflight.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "compose/certificate.h"
#include "compose/engines.h"
#include "compose/pools.h"
#include "control/directory_publisher.h"
#include "engine/capabilities.h"
#include "engine_process/command.h"
#include "engine_remote/remote_engine.h"
#include "ledgerlog/note.h"
#include "llmapi/request.h"
#include "rt/net.h"
#include "rt/real.h"

namespace sovmesh::compose {
namespace {

constexpr const char* kAnyRunDir = "/run";  // a start has its own

class Preflight {
 public:
  explicit Preflight(const config::Config& config) : config_(config) {}

  std::vector<std::string> run() {
    const config::Server& server = config_.server;
    check_addresses("listen", server.listen);
    check_addresses("admin_listen", server.admin_listen);
    check_addresses("metrics_listen", server.metrics_listen);
    if (server.tls) note(server.tls->position.text(), read_certificate(*server.tls));
    for (const config::Engine& engine : config_.engines)
      note(engine.position.text(), check_engine(engine));
    for (const config::Model& model : config_.models)
      check_model(model);
    const auto clock = rt::make_system_clock();
    const auto random = rt::make_system_random();
    check_witnesses();
    note("", pool_settings(config_.pools));
    note("", control::check_declared(config_, *clock, *random));
    return std::move(findings_);
  }

 private:
  // `where` goes before messages that do not begin with a place of their own.
  template <class T>
  void note(const std::string& where, const Result<T>& checked) {
    if (checked) return;
    const std::string_view message = checked.error().message();
    const bool has_place = where.empty() || message.find(": error: ") != std::string_view::npos;
    findings_.push_back(has_place ? std::string(message)
                                  : fmt::format("{}: error: {}", where, message));
  }

  void check_addresses(const std::string& setting, const std::vector<std::string>& addresses) {
    for (const std::string& text : addresses) {
      const Result<rt::Endpoint> endpoint = rt::parse_endpoint(text);
      if (endpoint) continue;
      findings_.push_back(fmt::format("{}: error: {} '{}': {}", config_.server.position.text(),
                                      setting, text, endpoint.error().message()));
    }
  }

  void check_model(const config::Model& model) {
    for (const std::string& field : model.extra_fields) {
      if (!llmapi::is_reserved_field(field)) continue;
      findings_.push_back(fmt::format(
          "{}: error: extra_fields: '{}' is never passed on: the gateway sets it itself",
          model.position.text(), field));
    }
    for (const std::string& engine : config::engines_of(model))
      check_offers(model, engine);
  }

  void check_witnesses() {
    const config::Audit& audit = config_.audit;
    const config::Position* const at = audit.given.find("witness_keys");
    const std::string where = (at != nullptr ? *at : audit.position).text();
    std::set<std::string> seen;
    for (const std::string& text : audit.witness_keys) {
      const auto key = ledgerlog::NoteKey::parse(text);
      if (!key) {
        findings_.push_back(
            fmt::format("{}: error: witness_keys: '{}': {}", where, text, key.error().message()));
      } else if (key->algorithm() != ledgerlog::NoteAlgorithm::cosignature_v1) {
        findings_.push_back(fmt::format(
            "{}: error: witness_keys: '{}' is the key of a log, not of a witness", where, text));
      } else if (!seen.insert(text).second) {
        findings_.push_back(fmt::format("{}: error: witness_keys: '{}' stands twice", where, text));
      }
    }
  }

  // What is offered although the engine cannot do it: each call would be refused.
  void check_offers(const config::Model& model, const std::string& name) {
    const auto engine = std::ranges::find(config_.engines, name, &config::Engine::name);
    if (engine == config_.engines.end() || engine->managed) return;
    const auto dialect = llmapi::parse_dialect(engine->dialect);
    if (!dialect) return;
    const auto can =
        engine::override_capabilities(engine::default_capabilities(*dialect), engine->capabilities);
    if (!can) return;  // the engine's own check says it
    const auto check = [&](std::string_view offer, bool wanted, bool possible) {
      const config::Position* at = model.given.find(offer);
      if (at == nullptr || !wanted || possible) return;
      findings_.push_back(fmt::format(
          "{0}: error: '{1}' has no effect: the engine '{2}' (dialect {3}) does not offer them; if "
          "yours does, say 'capabilities: {{{1}: true}}' there",
          at->text(), offer, engine->name, engine->dialect));
    };
    check("chat", model.chat, can->chat);
    check("completions", model.completions, can->completions);
    check("embeddings", model.embeddings, can->embeddings);
  }

  static Result<void> check_engine(const config::Engine& engine) {
    if (engine.managed) {
      TRY(const engine::ManagedSpec spec, managed_spec(engine, kAnyRunDir));
      return engine_process::check(spec);
    }
    TRY(const engine::RemoteSpec spec, remote_spec(engine));
    return engine_remote::RemoteEngine::check(spec);
  }

  const config::Config& config_;
  std::vector<std::string> findings_;
};

}  // namespace

std::vector<std::string> preflight(const config::Config& config) { return Preflight(config).run(); }

}  // namespace sovmesh::compose
