#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/ids.h"
#include "base/result.h"
#include "catalog/records.h"

namespace sovmesh::catalog {

// How far an artifact has come.
enum class ArtifactStage : std::uint8_t {
  draft,       // imported: nobody may call what serves it
  testing,     // its testers may
  released,    // those it is released to may
  deprecated,  // likewise, until a day that they are told
  retired      // nobody may, for good
};
constexpr std::size_t kArtifactStages = 5;
std::string_view name(ArtifactStage stage);
std::optional<ArtifactStage> parse_artifact_stage(std::string_view text);

// The name of an artifact: "assistant@1.2". Each part has 1..64 characters of [a-z0-9._-], the
// first a letter or digit. Valid by construction.
class ArtifactName {
 public:
  static Result<ArtifactName> parse(std::string_view text);
  static Result<ArtifactName> make(std::string_view model, std::string_view version);
  std::string_view model() const { return std::string_view(text_).substr(0, at_); }
  std::string_view version() const { return std::string_view(text_).substr(at_ + 1); }
  const std::string& text() const { return text_; }
  friend auto operator<=>(const ArtifactName&, const ArtifactName&) = default;

 private:
  ArtifactName(std::string text, std::size_t at) : text_(std::move(text)), at_(at) {}
  std::string text_;
  std::size_t at_;
};

// Who may call a model because of the artifact that it serves. `tenants` are the testers while it
// is tested and those it is released to later.
struct Release {
  ArtifactStage stage = ArtifactStage::draft;
  bool for_all_tenants = false;
  std::set<TenantId> tenants = {};
  std::optional<WallTime> retires_at = {};  // of a deprecated one: not before this
};

// What is asked of it besides the stage it is to have.
struct Move {
  ArtifactStage to = ArtifactStage::draft;
  bool is_tested = false;    // its latest test run passed
  bool waives_test = false;  // whoever moves it says why it needs none
  std::optional<WallTime> retires_at = {};
  WallTime now{};
};
// The rules of the stages. Code::conflict says what has to be done first, Code::invalid_value what
// is wrong with what was asked.
//
//   draft -> testing -> released -> deprecated -> retired
//   testing -> draft, deprecated -> released   taken back
//   draft, testing -> retired                  nobody else has used it
//   testing -> released                        wants a test run that passed, or a reason
//   released -> deprecated                     wants the day from which it may be retired
//   deprecated -> retired                      not before that day
Result<void> check_move(const Release& now, const Move& move);

// The model as tenants see it: its own list, and of that only whom the release lets in.
void bound(Model& model, const Release& release);

}  // namespace sovmesh::catalog
