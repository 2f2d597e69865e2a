#include "compose/gitops_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <ranges>
#include <set>
#include <tuple>
#include <utility>

#include "compose/admin_cli.h"

namespace sovmesh::compose::gitops {
namespace {

using config::Finding;

// Who else can change it, for people.
std::string owner_text(const Object& object) {
  if (object.managed_by == "file")
    return fmt::format("is declared in the configuration file ({}): change it there",
                       object.source.empty() ? "of the server" : object.source);
  if (object.managed_by == "engine")
    return fmt::format("is listed by the engine '{}': it changes there", object.source);
  return fmt::format("is managed by '{}'", object.managed_by);
}

class Planner {
 public:
  Planner(const LiveByKey& live, const PlanOptions& options, std::vector<Finding>& findings)
      : live_(live), options_(options), findings_(findings) {}

  std::vector<Step> run(const std::vector<Document>& documents) {
    std::vector<const Document*> ordered;
    for (const Document& document : documents)
      ordered.push_back(&document);
    std::ranges::sort(ordered, {},
                      [](const Document* one) { return std::pair(one->kind, one->key()); });
    order_routes(ordered);
    for (const Document* const document : ordered)
      add(*document);
    for (Step& step : steps_) {
      if (step.document != nullptr) check_references(step);
    }
    if (options_.prune) add_removals(documents);
    return std::move(steps_);
  }

 private:
  void wrong(const Document& document, std::string why, std::string_view param = {}) {
    findings_.push_back({.position = document.at(param),
                         .message = fmt::format("the {} {}", document.title(), why)});
  }

  // Each route behind those that it names. Circles are the server's to refuse.
  static void order_routes(std::vector<const Document*>& documents) {
    const auto is_route = [](const Document* one) { return one->kind == Kind::route; };
    const auto begin = std::ranges::find_if(documents, is_route);
    const auto end = std::find_if_not(begin, documents.end(), is_route);
    std::map<std::string, const Document*> by_key;
    for (auto it = begin; it != end; ++it)
      by_key.emplace((*it)->key(), *it);
    std::vector<const Document*> sorted;
    std::set<std::string> seen;
    const std::function<void(const Document*)> visit = [&](const Document* one) {
      if (!seen.insert(one->key()).second) return;
      for (const std::string& needed : references_of(*one)) {
        if (const auto found = by_key.find(needed); found != by_key.end()) visit(found->second);
      }
      sorted.push_back(one);
    };
    for (auto it = begin; it != end; ++it)
      visit(*it);
    std::ranges::copy(sorted, begin);
  }

  void add(const Document& document) {
    const auto found = live_.find(document.key());
    Step step{.document = &document, .live = {}, .changes = {}};
    if (found == live_.end()) {
      if (!document.managed_by.empty())
        return wrong(document,
                     fmt::format("is not there, and the document says that the API does not manage "
                                 "it (managed_by: {}): take that line out to have it made",
                                 document.managed_by),
                     "managed_by");
      const bool is_left_out = !document.rules().text.empty() && !options_.create_keys;
      step.action = is_left_out ? Action::left_out : Action::create;
      (is_left_out ? left_out_ : made_).insert(document.key());
    } else {
      step.live = found->second;
      step.changes = changes_between(found->second, document);
      step.action = step.changes.empty() ? Action::keep : Action::change;
      if (step.action == Action::change) check_may_change(document, found->second, step.changes);
    }
    steps_.push_back(std::move(step));
  }

  void check_may_change(const Document& document, const Live& live,
                        const std::vector<Change>& changes) {
    const std::string& member = changes.front().member;
    if (!live.managed_by.empty())
      return wrong(document, owner_text(live) + ", or take this document out", member);
    if (const auto why = live.kind == Kind::key ? why_key_stays(live, changes, options_)
                                                : std::optional<std::string>())
      return wrong(document, *why, member);
    if (!document.rules().can_change)
      wrong(document,
            fmt::format("cannot change ('{}' is {} there): give it another name, let its models "
                        "name that one, and remove the old one",
                        member, printable(changes.front().before.dump())),
            member);
  }

  void check_references(Step& step) {
    for (const std::string& needed : references_of(*step.document)) {
      if (made_.contains(needed)) step.has_to_wait = true;
      if (!left_out_.contains(needed)) continue;
      wrong(*step.document,
            "is for a key that is not there: --create-keys makes it, and prints its text once",
            "key");
    }
  }

  // Only of kinds that the documents name at all. People and their roles stay: whether the server
  // would let them go is known only when they are gone.
  void add_removals(const std::vector<Document>& documents) {
    std::set<Kind> kinds;
    std::set<std::string> wanted;
    for (const Document& document : documents) {
      kinds.insert(document.kind);
      wanted.insert(document.key());
    }
    std::vector<const Live*> removed;
    for (const auto& [key, one] : live_) {
      if (kinds.contains(one.kind) && one.rules().can_be_tried && one.managed_by.empty() &&
          !wanted.contains(key))
        removed.push_back(&one);
    }
    // Routes that fall back to others go before them.
    const std::function<int(const Live&, int)> depth_of = [&](const Live& one, int level) -> int {
      int depth = 0;
      if (level > 64) return depth;  // a circle, which there cannot be
      for (const std::string& needed : references_of(one)) {
        const auto found = live_.find(needed);
        if (found != live_.end() && found->second.kind == one.kind)
          depth = std::max(depth, 1 + depth_of(found->second, level + 1));
      }
      return depth;
    };
    std::ranges::sort(removed, std::greater(), [&](const Live* one) {
      return std::tuple(one->kind, depth_of(*one, 0), one->key());
    });
    if (!options_.only_show) check_may_remove(removed, documents);
    for (const Live* const one : removed)
      steps_.push_back({.action = Action::remove, .live = *one, .changes = {}});
  }

  // Of keys that share a name, or shared one when the documents were written, nobody can say from
  // here which one is meant: none of them goes, nor a limit of one.
  void check_may_remove(const std::vector<const Live*>& removed,
                        const std::vector<Document>& documents) {
    std::set<std::string> shared;
    for (const auto& [key, one] : live_)
      if (one.shares_name) shared.insert(base_of(one));
    for (const Document& document : documents)
      if (document.kind == Kind::key && base_of(document) != document.key())
        shared.insert(base_of(document));
    for (const Live* const one : removed) {
      const bool is_key = one->kind == Kind::key;
      const Live* const key = is_key ? one : key_of(*one);
      if (key == nullptr || !shared.contains(base_of(*key))) continue;
      findings_.push_back(
          {.position = {.file = "--prune"},
           .message = fmt::format(
               "the {} ({}) is in no document, but keys of its project share a name, and which one "
               "the documents mean cannot be told: {}",
               one->title(), one->id,
               is_key
                   ? fmt::format("`sovmesh key revoke {}` if it is to go, or rename the keys, so "
                                 "that each has its own",
                                 one->id)
                   : std::string("rename the keys, so that each has its own"))});
    }
  }

  // "bot" of "bot#2": what the keys of one display name have in common.
  static std::string base_of(const Object& key) {
    std::string text = key.key();
    const auto hash = text.rfind('#');
    const bool is_counted = hash != text.npos && hash + 1 < text.size() &&
                            text.find_first_not_of("0123456789", hash + 1) == text.npos;
    return is_counted ? text.substr(0, hash) : text;
  }

  // The key that a limit is for; none: it is for something else.
  const Live* key_of(const Live& limit) const {
    if (limit.kind != Kind::limit) return nullptr;
    for (const std::string& needed : references_of(limit)) {
      const auto found = live_.find(needed);
      if (found != live_.end() && found->second.kind == Kind::key) return &found->second;
    }
    return nullptr;
  }

  const LiveByKey& live_;
  const PlanOptions& options_;
  std::vector<Finding>& findings_;
  std::vector<Step> steps_;
  std::set<std::string> made_;
  std::set<std::string> left_out_;
};

std::string shown(const Json& value) {
  return printable(value.is_string() ? value.get<std::string>()
                                     : value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

}  // namespace

const Object& Step::object() const {
  if (document != nullptr) return *document;
  return *live;
}

std::vector<Step> plan(const std::vector<Document>& documents, const LiveByKey& live,
                       const PlanOptions& options, std::vector<Finding>& findings) {
  return Planner(live, options, findings).run(documents);
}

std::optional<std::string> why_key_stays(const Live& key, const std::vector<Change>& changes,
                                         const PlanOptions& options) {
  if (options.only_show || changes.empty()) return std::nullopt;
  std::string members;
  for (const Change& change : changes)
    members += (members.empty() ? "" : ", ") + change.member;
  if (key.shares_name)
    return fmt::format(
        "({}) differs in {}, and other keys of its project have that name: rename "
        "them, so that each has its own",
        key.id, members);
  if (options.change_keys) return std::nullopt;
  return fmt::format("({}) differs in {}: keys are changed only with --change-keys; check the id",
                     key.id, members);
}

std::string step_text(const Step& step) {
  const std::string title = printable(step.object().title());
  switch (step.action) {
    case Action::create:
      return fmt::format("+ {}\n", title);
    case Action::remove:
      return fmt::format("- {}\n", title);
    case Action::keep:
      return {};
    case Action::left_out:
      return fmt::format("? {}: is not there; --create-keys makes a new one with another {}\n",
                         title,
                         step.object().kind == Kind::key ? "text" : step.object().rules().text);
    case Action::change:
      break;
  }
  std::string out = fmt::format("~ {}\n", title);
  for (const Change& change : step.changes)
    out +=
        fmt::format("    {}: {} -> {}\n", change.member, shown(change.before), shown(change.after));
  return out;
}

}  // namespace sovmesh::compose::gitops
