#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "limits/limiter.h"

// The checks of the limiter's contract. Each says what is wrong, or "" when nothing is.
namespace sovmesh::limits {

using MakeLimiter = std::function<std::unique_ptr<Limiter>()>;

// Every measure with every window that it may have.
std::vector<Rate> all_rates();

// 1,000 reservations from 8 threads at a limit with room for 100.
std::string wrong_at_the_edge(const MakeLimiter& make, const Rate& rate,
                              Alignment alignment = Alignment::calendar);
// Threads that reserve, extend, settle and release under several limits.
std::string wrong_after_a_storm(const MakeLimiter& make, std::uint64_t seed);
// `steps` random ones, against SimpleLimiter.
std::string wrong_in_history(const MakeLimiter& make, std::uint64_t seed, int steps);
std::string wrong_after_refusals(const MakeLimiter& make);
std::string wrong_overshoot(const MakeLimiter& make);
std::string wrong_after_changes(const MakeLimiter& make);
std::string wrong_resets(const MakeLimiter& make);
std::string wrong_after_clock_steps(const MakeLimiter& make);
std::string wrong_rolling(const MakeLimiter& make, Window window, std::uint64_t seed);
std::string wrong_wait(const MakeLimiter& make, const Rate& rate, Alignment alignment);

}  // namespace sovmesh::limits
