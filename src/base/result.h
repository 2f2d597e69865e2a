#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/error.h"

namespace sovmesh {

template <class T = void>
using Result = std::expected<T, Error>;

inline std::unexpected<Error> client_error(Code code, std::string message) {
  return std::unexpected(Error(code, Blame::client, std::move(message)));
}
inline std::unexpected<Error> client_error(Code code, std::string message, std::string param) {
  return std::unexpected(
      Error(code, Blame::client, std::move(message)).with_param(std::move(param)));
}
inline std::unexpected<Error> upstream_error(Code code, std::string message) {
  return std::unexpected(Error(code, Blame::upstream, std::move(message)));
}
inline std::unexpected<Error> our_error(Code code, std::string message) {
  return std::unexpected(Error(code, Blame::us, std::move(message)));
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected(std::move(error)); }

}  // namespace sovmesh

// TRY(const auto x, parse(text)) binds the value or returns the error to the caller;
// TRY_VOID(check()) is for Result<void>. CO_TRY and CO_TRY_VOID are the same inside a coroutine.
// Several statements, so never the unbraced body of an if.
#define SM_CAT2_(a, b) a##b
#define SM_CAT_(a, b) SM_CAT2_(a, b)
#define SM_TRY_(ret, tmp, lhs, ...)                      \
  auto tmp = (__VA_ARGS__);                              \
  if (!tmp) ret std::unexpected(std::move(tmp).error()); \
  lhs = *std::move(tmp)
#define SM_TRY_VOID_(ret, ...)                            \
  do {                                                    \
    if (auto try_result = (__VA_ARGS__); !try_result)     \
      ret std::unexpected(std::move(try_result).error()); \
  } while (false)
#define TRY(lhs, ...) SM_TRY_(return, SM_CAT_(try_, __LINE__), lhs, __VA_ARGS__)
#define CO_TRY(lhs, ...) SM_TRY_(co_return, SM_CAT_(try_, __LINE__), lhs, __VA_ARGS__)
#define TRY_VOID(...) SM_TRY_VOID_(return, __VA_ARGS__)
#define CO_TRY_VOID(...) SM_TRY_VOID_(co_return, __VA_ARGS__)
