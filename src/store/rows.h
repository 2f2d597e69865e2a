#pragma once

#include <cstddef>
#include <initializer_list>
#include <memory>
#include <utility>
#include <vector>

namespace sovmesh::store {

// A vector whose copies share what is in them until one is changed: what is stored is read far more
// often than it changes, and may be long. Reading through a const one never copies. As thread-safe
// as a vector.
template <class T>
class Rows {
 public:
  using value_type = T;

  Rows() = default;
  Rows(std::vector<T> rows)  // NOLINT(google-explicit-constructor): it is one
      : rows_(std::make_shared<std::vector<T>>(std::move(rows))) {}

  Rows(std::initializer_list<T> rows) : Rows(std::vector<T>(rows)) {}

  operator const std::vector<T>&() const { return all(); }  // NOLINT(google-explicit-constructor)
  const std::vector<T>& all() const {
    static const std::vector<T> kNone;
    return rows_ ? *rows_ : kNone;
  }
  auto begin() const { return all().begin(); }
  auto end() const { return all().end(); }
  std::size_t size() const { return all().size(); }
  bool empty() const { return all().empty(); }
  const T& front() const { return all().front(); }
  const T& at(std::size_t i) const { return all().at(i); }
  const T& operator[](std::size_t i) const { return all()[i]; }

  // To change it: a copy of its own, where others share it.
  std::vector<T>& edit() {
    if (!rows_)
      rows_ = std::make_shared<std::vector<T>>();
    else if (rows_.use_count() > 1)
      rows_ = std::make_shared<std::vector<T>>(*rows_);
    return *rows_;
  }
  // What others share is not copied first.
  template <class Predicate>
  void erase_if(Predicate predicate) {
    if (!rows_ || rows_.use_count() == 1) {
      std::erase_if(edit(), std::move(predicate));
      return;
    }
    std::vector<T> kept;
    for (const T& row : *rows_)
      if (!predicate(row)) kept.push_back(row);
    *this = Rows(std::move(kept));
  }
  void clear() { rows_.reset(); }
  // What was in it, without a copy where nobody else has it.
  std::vector<T> take() && { return std::move(edit()); }

 private:
  std::shared_ptr<std::vector<T>> rows_;
};

}  // namespace sovmesh::store
