#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "store/ledger.h"

namespace sovmesh {

// What Ledger::requests() is, in the plainest way: of rows in the order in which they were opened,
// and settled.
inline store::RequestPage list_rows(const std::vector<store::UsageRow>& all,
                                    const store::RequestQuery& query) {
  constexpr std::int64_t kDayUs = 86'400'000'000;
  std::vector<std::pair<store::RequestCursor, const store::UsageRow*>> places;
  for (const bool open : {true, false}) {
    for (std::size_t i = all.size(); i-- > 0;) {
      const store::UsageRow& row = all[i];
      if (row.open != open || row.voided) continue;
      const auto day = row.booked_at.time_since_epoch().count() / kDayUs;
      places.push_back({{.is_open = open,
                         .day = open ? 0 : day,
                         .at = open ? static_cast<std::int64_t>(i) + 1 : row.seq},
                        &row});
    }
  }
  const auto is_behind = [&](const store::RequestCursor& place) {
    const auto& after = query.after;
    if (!after) return true;
    if (place.is_open != after->is_open) return after->is_open;
    return place.day < after->day || (place.day == after->day && place.at < after->at);
  };
  const auto fits = [&](const store::UsageRow& row) {
    const WallTime at = row.open ? row.opened_at : row.booked_at;
    return (!query.tenant || *query.tenant == row.tenant) &&
           (!query.project || *query.project == row.project) &&
           (!query.key || *query.key == row.key) && (!query.model || *query.model == row.model) &&
           (!query.status || *query.status == store::status_of(row)) &&
           (!query.from || at >= *query.from) && (!query.until || at < *query.until);
  };
  store::RequestPage page;
  for (const auto& [place, row] : places) {
    if (!is_behind(place) || !fits(*row)) continue;
    page.rows.push_back(*row);
    if (page.rows.size() < query.limit) continue;
    page.next = place;
    if (!row->open) page.searched_until = row->booked_at;
    break;
  }
  return page;
}

}  // namespace sovmesh
