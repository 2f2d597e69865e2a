#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sovmesh::http {

// One header field; names are lower case. The views live as long as the head that holds them.
struct Field {
  std::string_view name;
  std::string_view value;
};

// Header fields in the order they came; repeated names stay apart.
class Fields {
 public:
  void add(std::string_view name, std::string_view value) { fields_.push_back({name, value}); }
  // The first value of `name` (lower case).
  std::optional<std::string_view> find(std::string_view name) const;
  std::size_t count(std::string_view name) const;
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }
  std::size_t size() const { return fields_.size(); }
  void clear() { fields_.clear(); }
  void reserve(std::size_t count) { fields_.reserve(count); }
  template <class Predicate>
  void remove_if(Predicate predicate) {
    std::erase_if(fields_, predicate);
  }

 private:
  std::vector<Field> fields_;
};

enum class Version : std::uint8_t { http_1_0, http_1_1, http_2 };

// A request's head, checked: exactly one Host/:authority, a target in origin form ("/path?query";
// an absolute-form target has been split into authority and path; "*" only for OPTIONS), framing
// fields consumed. The views point into the connection's own buffer and live until the exchange
// ends.
struct RequestHead {
  std::string_view method;  // as sent, upper case: "GET"
  std::string_view path;    // begins with '/', still percent-encoded, without query
  std::string_view query;   // without '?'
  std::string_view host;    // lower case, without port
  std::string_view port;    // as it stands behind the host; empty: none does
  Fields fields;            // without connection-specific ones
  Version version = Version::http_1_1;
  bool expects_continue = false;
  std::optional<std::uint64_t> content_length;  // nothing: chunked, HTTP/2 without it, or no body
  bool has_body = false;
};

// A response's head as a handler gives it. Framing fields (content-length, transfer-encoding,
// connection, date) are the server's business and must not be in `fields`.
struct ResponseHead {
  // Names are string literals, lower case; values are kept here, all in one piece of memory.
  class Fields {
   public:
    void add(std::string_view name, std::string_view value) {
      if (entries_.empty()) {
        entries_.reserve(12);
        text_.reserve(384);
      }
      entries_.push_back({name, text_.size(), value.size()});
      text_ += value;
    }
    class Iterator {
     public:
      Iterator(const Fields& fields, std::size_t at) : fields_(&fields), at_(at) {}
      Field operator*() const { return (*fields_)[at_]; }
      Iterator& operator++() {
        ++at_;
        return *this;
      }
      bool operator==(const Iterator&) const = default;

     private:
      const Fields* fields_;
      std::size_t at_;
    };
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, entries_.size()}; }
    std::size_t size() const { return entries_.size(); }
    bool empty() const { return entries_.empty(); }
    Field operator[](std::size_t i) const {
      const Entry& entry = entries_[i];
      return {entry.name, std::string_view(text_).substr(entry.begin, entry.size)};
    }

    // One behind the other: what holds for this text holds for each value.
    std::string_view all_values() const { return text_; }

   private:
    struct Entry {
      std::string_view name;
      std::size_t begin;
      std::size_t size;
    };
    std::vector<Entry> entries_;
    std::string text_;
  };

  int status = 200;
  Fields fields;

  void add(std::string_view name, std::string_view value) { fields.add(name, value); }
};

}  // namespace sovmesh::http
