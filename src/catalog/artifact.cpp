#include "catalog/artifact.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace sovmesh::catalog {
namespace {

constexpr std::array<std::string_view, kArtifactStages> kNames{"draft", "testing", "released",
                                                               "deprecated", "retired"};
constexpr std::size_t kPartMax = 64;

bool is_part(std::string_view text) {
  const auto is_alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto fine = [&](char c) { return is_alnum(c) || c == '.' || c == '_' || c == '-'; };
  return !text.empty() && text.size() <= kPartMax && is_alnum(text.front()) &&
         std::ranges::all_of(text, fine);
}

bool is_step(ArtifactStage from, ArtifactStage to) {
  using enum ArtifactStage;
  switch (to) {
    case draft:
      return from == testing;
    case testing:
      return from == draft;
    case released:
      return from == testing || from == deprecated;
    case deprecated:
      return from == released;
    case retired:
      return from == draft || from == testing || from == deprecated;
  }
  return false;
}

}  // namespace

std::string_view name(ArtifactStage stage) { return kNames.at(std::to_underlying(stage)); }

std::optional<ArtifactStage> parse_artifact_stage(std::string_view text) {
  const auto found = std::ranges::find(kNames, text);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ArtifactStage>(found - kNames.begin());
}

Result<ArtifactName> ArtifactName::make(std::string_view model, std::string_view version) {
  if (!is_part(model) || !is_part(version)) {
    return client_error(Code::invalid_value,
                        fmt::format("want 1 to {} characters of a-z, 0-9, '.', '_' and '-', the "
                                    "first a letter or digit, for name and version",
                                    kPartMax));
  }
  return ArtifactName(fmt::format("{}@{}", model, version), model.size());
}

Result<ArtifactName> ArtifactName::parse(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == text.npos)
    return client_error(Code::invalid_value, "want NAME@VERSION, as in assistant@1.2");
  return make(text.substr(0, at), text.substr(at + 1));
}

Result<void> check_move(const Release& now, const Move& move) {
  if (now.stage == move.to)
    return client_error(Code::conflict, fmt::format("it is {} already", name(move.to)));
  if (now.stage == ArtifactStage::released && move.to == ArtifactStage::retired) {
    return client_error(Code::conflict,
                        "it is released: deprecate it first, with the day from which it may be "
                        "retired, so that whoever uses it is told");
  }
  if (!is_step(now.stage, move.to)) {
    return client_error(Code::conflict, fmt::format("from {} it does not become {}",
                                                    name(now.stage), name(move.to)));
  }
  if (now.stage == ArtifactStage::testing && move.to == ArtifactStage::released &&
      !move.is_tested && !move.waives_test) {
    return client_error(Code::conflict,
                        "its latest test run did not pass, or there was none: run `sovmesh model "
                        "test`, or say in 'without_test' why it needs none");
  }
  if (move.to == ArtifactStage::deprecated) {
    if (!move.retires_at)
      return client_error(Code::missing_required_parameter,
                          "want the day from which it may be retired", "retires_at");
    if (*move.retires_at <= move.now)
      return client_error(Code::invalid_value, "want a time that is yet to come", "retires_at");
  }
  if (now.stage == ArtifactStage::deprecated && move.to == ArtifactStage::retired &&
      now.retires_at && *now.retires_at > move.now) {
    return client_error(Code::conflict,
                        "whoever uses it was told that it stays until a later day (retires_at)");
  }
  return {};
}

void bound(Model& model, const Release& release) {
  if (release.stage == ArtifactStage::draft || release.stage == ArtifactStage::retired) {
    model.for_all_tenants = false;
    model.tenants.clear();
    return;
  }
  if (release.for_all_tenants) return;
  if (model.for_all_tenants) {
    model.for_all_tenants = false;
    model.tenants = release.tenants;
    return;
  }
  std::erase_if(model.tenants, [&](TenantId tenant) { return !release.tenants.contains(tenant); });
}

}  // namespace sovmesh::catalog
