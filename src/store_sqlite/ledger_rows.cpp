#include "store_sqlite/ledger_rows.h"

#include "store_sqlite/ledger_schema.h"

namespace sovmesh::store_sqlite {

using store::UsageRow;

namespace {

// A number that is out of range was not written by us.
template <class Enum>
Result<Enum> read_enum(const Statement& row, int column, Enum last) {
  const std::int64_t value = row.integer(column);
  if (value < 0 || value > static_cast<std::int64_t>(last))
    return our_error(Code::data_dir_invalid, "ledger.db holds a value of no meaning");
  return static_cast<Enum>(value);
}

}  // namespace

Result<UsageRow> read_row(const Statement& row) {
  TRY(const KeyId key, KeyId::parse(row.text(4)));
  UsageRow out{
      .request = {row.ulid(0)}, .tenant = {row.ulid(2)}, .project = {row.ulid(3)}, .key = key};
  out.opened_at = row.time(1);
  out.model = row.text(5);
  TRY(out.operation, read_enum(row, 6, metering::Operation::embeddings));
  out.streamed = row.integer(7) != 0;
  out.engine = row.text(8);
  out.model_revision = row.text(9);
  out.user = row.text(10);
  out.cost_centre = row.text(11);
  out.currency = row.text(12);
  out.price_version = row.text(13);
  out.boot = row.integer(14);
  out.prompt_estimate = row.integer(15);
  out.output_max = row.integer(16);
  out.reserved_tokens = row.integer(17);
  out.characters = row.integer(18);
  out.seq = row.integer(35);
  out.open = out.seq == 0;
  const metering::Counts counts{.prompt = row.integer(19),
                                .cached = row.integer(20),
                                .generated = row.integer(21),
                                .reasoning = row.integer(22),
                                .delivered = row.integer(23)};
  if (out.open) {
    out.checkpoint = counts;
    return out;
  }
  metering::Settlement& end = out.settlement;
  end.counts = counts;
  TRY(end.counts.source, read_enum(row, 24, metering::Source::recovered));
  TRY(end.finish, read_enum(row, 25, metering::Finish::drained));
  end.drift = row.integer(26) != 0;
  end.settled_at = out.opened_at + std::chrono::microseconds(row.integer(27));
  out.open_for = std::chrono::microseconds(row.integer(28));
  out.charge.cost_micro = row.integer(29);
  out.charge.gse_us = row.integer(30);
  out.charge.energy.millijoules = row.integer(31);
  out.charge.energy.micrograms_co2 = row.integer(32);
  TRY(out.charge.energy.method, read_enum(row, 33, metering::EnergyMethod::estimated));
  out.voided = row.integer(34) == static_cast<int>(Terminal::voided);
  out.booked_at = row.time(36);
  return out;
}

}  // namespace sovmesh::store_sqlite
