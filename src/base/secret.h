#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sovmesh {

// Text that must never be shown: it has no operator<<, no formatter and no implicit conversion, and
// its bytes are overwritten when it goes. Read it with reveal(), at the one place that needs it.
class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string text) : text_(std::move(text)) {}
  // `reference`: where it came from, as "file:PATH" or "env:NAME"; that may be shown.
  Secret(std::string text, std::string reference)
      : text_(std::move(text)), reference_(std::move(reference)) {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept
      : text_(std::move(other.text_)), reference_(std::move(other.reference_)) {
    other.wipe();
  }
  Secret& operator=(Secret other) noexcept {
    text_.swap(other.text_);
    reference_.swap(other.reference_);
    return *this;
  }
  ~Secret() { wipe(); }

  bool empty() const { return text_.empty(); }
  std::string_view reveal() const { return text_; }
  std::string_view reference() const { return reference_; }  // empty: nobody said
  // "***", or "***abcd" with the last four characters of a long secret: for logs and tables.
  std::string masked() const {
    return text_.size() < 16 ? "***" : "***" + text_.substr(text_.size() - 4);
  }

 private:
  void wipe() {
    volatile char* p = text_.data();
    for (std::size_t i = 0; i < text_.size(); ++i)
      p[i] = 0;
    text_.clear();
  }
  std::string text_;
  std::string reference_;
};

}  // namespace sovmesh
