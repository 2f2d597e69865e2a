#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "compose/gitops_document.h"

namespace sovmesh::compose::gitops {

// One that the server has.
struct Live : Object {
  std::string id;    // in paths of the API
  std::string etag;  // for If-Match; empty: it has none
  // Of a key: others have its name, or nearly, and it is told from them by when it was made alone.
  bool shares_name = false;
};
using LiveByKey = std::map<std::string, Live>;

enum class Action : std::uint8_t {
  create,
  change,
  remove,
  keep,      // it is as the document says
  left_out,  // a key or a webhook that is missing: nobody asked for new ones
};
struct Step {
  Action action{};
  const Document* document = nullptr;  // none: to be removed
  std::optional<Live> live;            // none: to be made
  std::vector<Change> changes;
  // What it names is made by this plan, too: the server cannot try it before.
  bool has_to_wait = false;

  const Object& object() const;
};

struct PlanOptions {
  // Remove what the API manages and no document of its kind names, of kinds that can be tried.
  bool prune = false;
  bool create_keys = false;  // make keys and webhooks that are missing
  bool change_keys = false;  // change keys that differ: names of keys may be anybody's choice
  bool only_show = false;    // what differs of keys is shown, whether it may be changed or not
};

// In the order in which it can be done: kinds in theirs, routes behind those that they fall back
// to, what is removed last and the other way round. Findings say what cannot be, with the place: an
// object that somebody else manages and that differs, an engine that would have to change, a key
// that may not, a limit of a key that nobody makes.
std::vector<Step> plan(const std::vector<Document>& documents, const LiveByKey& live,
                       const PlanOptions& options, std::vector<config::Finding>& findings);

// Why a key that differs is not to be changed; nothing: it may be. Whoever names or revokes keys
// says which one a document means, and rights must not move to another one unseen.
std::optional<std::string> why_key_stays(const Live& key, const std::vector<Change>& changes,
                                         const PlanOptions& options);

// One line, or several: "+ tenant aurora", "~ tenant aurora" with "    currency: EUR -> DKK".
std::string step_text(const Step& step);

}  // namespace sovmesh::compose::gitops
