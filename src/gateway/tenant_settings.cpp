#include "gateway/tenant_settings.h"

#include <string>

#include "llmapi/amend.h"

namespace sovmesh::gateway {
namespace {

using tenancy::SystemPrompt;

const SystemPrompt* prompt_of(const tenancy::Settings& set, const identity::Caller& caller,
                              std::string_view name, const llmapi::Request& request) {
  if (request.operation != llmapi::Operation::chat) return nullptr;
  const SystemPrompt* const prompt = set.prompt_for(name, caller.project().slug.text());
  const bool is_in_place =
      prompt != nullptr && prompt->mode == SystemPrompt::Mode::if_missing && request.has_system;
  return is_in_place ? nullptr : prompt;
}

}  // namespace

llmapi::FieldPolicy policy_before(const identity::TenantSettings* settings,
                                  llmapi::FieldPolicy policy) {
  if (settings == nullptr || settings->set.on_excess != tenancy::Settings::OnExcess::clamp)
    return policy;
  const auto cuts_to = [&](RequestParameter parameter, std::int64_t bound) {
    const auto& maximum = value_of(settings->set.maximums, parameter);
    return maximum && (bound == 0 || *maximum / kParameterUnit <= bound);
  };
  policy.output_is_cut = cuts_to(RequestParameter::max_tokens, policy.output_tokens_max);
  policy.choices_are_cut = cuts_to(RequestParameter::n, policy.choices_max);
  return policy;
}

Result<void> apply_settings(const identity::TenantSettings& settings,
                            const identity::Caller& caller, std::string_view name,
                            const llmapi::FieldPolicy& policy, WallTime now,
                            llmapi::Request& request) {
  const tenancy::Settings& set = settings.set;
  // What a program reads stays what it is.
  if (request.operation == llmapi::Operation::chat && !request.wants_json)
    request.ending = settings.ending;
  const SystemPrompt* const prompt = prompt_of(set, caller, name, request);
  if (prompt == nullptr && !set.bounds_parameters()) return {};
  const std::string_view tenant = caller.tenant().slug.text();
  const std::string whose = "the tenant '" + std::string(tenant) + "'";
  llmapi::Amendments amendments{.defaults = set.defaults,
                                .maximums = set.maximums,
                                .clamps = set.on_excess == tenancy::Settings::OnExcess::clamp,
                                .whose = whose,
                                .system = {}};
  std::string text;
  if (prompt != nullptr) {
    text = tenancy::render(prompt->text,
                           {.tenant = tenant, .project = caller.project().slug.text(), .now = now});
    amendments.system = text;
  }
  return llmapi::amend(request, amendments, policy);
}

}  // namespace sovmesh::gateway
