#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "compose/gitops_kinds.h"
#include "config/load.h"
#include "config/yaml_tree.h"

namespace sovmesh::compose::gitops {

// One object, as a document says it or as the server has it.
struct Object {
  Kind kind{};
  Json identity = Json::object();  // members of KindRules::identity that it has
  Json spec = Json::object();      // members of KindRules::spec; null ones are left out
  std::string managed_by;          // empty: the API
  std::string source;              // where it is declared, if not by the API

  const KindRules& rules() const { return rules_of(kind); }
  std::string text(std::string_view member) const;  // of the identity; empty: it has none
  std::string key() const;                          // the same for the same object only
  std::string title() const;                        // "project aurora/web"
};

// One of the files', with its places.
struct Document : Object {
  config::YamlNode node;
  // Of a member, by the path that the API's errors have ("versions[0].model"), or of the document.
  config::Position at(std::string_view param = {}) const;
};

// All documents of a text; findings say what is wrong with them, unknown members and values of
// another type included.
std::vector<Document> read_documents(const std::string& file, std::string_view text,
                                     std::vector<config::Finding>& findings);
// Names that stand twice, in whatever files.
void check_twice(const std::vector<Document>& documents, std::vector<config::Finding>& findings);

// The object as a document, without the "---" before the next one.
std::string document_text(const Object& object);

// Every member, also what was not said, in the form in which equal ones are equal. A member that
// keeps what it is when nobody says it is left out if the object does not say it.
Json whole_spec(const Object& object);

struct Change {
  std::string member;
  Json before;
  Json after;
};
std::vector<Change> changes_between(const Object& live, const Object& wanted);

// A reference to an object by a document, in the form of Object::key().
std::vector<std::string> references_of(const Object& object);

}  // namespace sovmesh::compose::gitops
