#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/bytes.h"
#include "control/admin_api.h"
#include "control/json_text.h"

// People, as far as they are in what we keep: they are erased, and held.
namespace sovmesh::control {
namespace {

std::unexpected<Error> nobody_of_this_name(bool has_bytes, std::int64_t still_named) {
  return client_error(
      Code::not_found,
      fmt::format("nobody of this name is known: no key of the audit log, no revoked API key and "
                  "no row of the usage ledger{}",
                  still_named > 0 ? "; accounts, keys that are not revoked, or limits still have it"
                  : has_bytes     ? "; what is in control.db has its letters still, perhaps as a "
                                    "part of something else"
                                  : ""));
}

}  // namespace

// First the log's keys, which a hold forbids, then the owner of revoked keys and what deleted ones
// and limits have left of the name, then the ledger. Done again it goes on where it failed: a
// subject that the log does not know any more may still be named elsewhere.
Result<AdminReply> AdminApi::erase_subject(const store::AuditSubject& subject,
                                           store::AdminEntry entry) {
  const auto erased = parts_.audit->erase(subject, entry);
  if (!erased && erased.error().code() == Code::conflict) {
    entry.outcome = "denied";
    entry.reason = "under a legal hold";
    entry.concerns = subject;
    TRY_VOID(parts_.audit->append(std::move(entry)));
  }
  if (!erased && erased.error().code() != Code::not_found) return fail(erased.error());
  TRY(const std::int64_t of_keys, forget_owner(subject, entry));
  TRY(const store::ControlStore::Bytes bytes, parts_.store.overwrite_removed(subject.id));
  const bool is_overwritten = bytes.were_there && !bytes.are_there;
  ErasedInLedger in_ledger;
  if (subject.tenant) {
    TRY(in_ledger, erase_in_ledger(*subject.tenant, subject.id, entry));
  }
  TRY(const std::int64_t still, still_named(subject));
  auto index = erased ? std::optional(erased->index) : in_ledger.index;
  const bool is_known = erased || of_keys > 0 || in_ledger.index || in_ledger.subjects > 0;
  if (!is_known && !is_overwritten) return nobody_of_this_name(bytes.are_there, still);
  if (!is_known) {
    entry.action = "control.erase";
    entry.reason = "what deleted keys or limits had left of a name is overwritten";
    TRY(const auto told, parts_.audit->append(std::move(entry)));
    index = told.index;
  }
  JsonText json;
  index ? json.number("index", static_cast<std::int64_t>(*index)) : json.null("index");
  return AdminReply{.body = json.flag("log_key", erased.has_value())
                                .number("revoked_keys", of_keys)
                                .number("ledger_subjects", in_ledger.subjects)
                                .flag("overwritten", is_overwritten)
                                .number("still_named", still)
                                .end()};
}

// Whoever a key was of is nobody's business once it is revoked. How many there were.
Result<std::int64_t> AdminApi::forget_owner(const store::AuditSubject& subject,
                                            store::AdminEntry entry) {
  const auto is_his = [&](const tenancy::Key& key) {
    return key.tenant == subject.tenant && key.owner == subject.id && key.revoked_at;
  };
  TRY(const store::ControlData before, parts_.store.load());
  if (std::ranges::none_of(before.keys, is_his)) return 0;
  std::int64_t forgotten = 0;
  const auto work = [&](store::ControlStore& store) -> Result<void> {
    TRY(store::ControlData data, store.load());
    for (tenancy::Key& key : data.keys.edit()) {
      if (!is_his(key)) continue;
      key.owner.reset();
      TRY_VOID(store.update(key));
      ++forgotten;
    }
    return {};
  };
  entry.action = "key.forget";
  TRY_VOID(parts_.changes.make(
      entry.action, [&](const auto& agree) { return parts_.publisher.change(work, agree); },
      [&](store::ControlStore&) -> Result<std::optional<store::AdminEntry>> {
        entry.object = "keys";
        entry.count = static_cast<std::uint64_t>(forgotten);
        entry.reason = "revoked keys forget whose they were";
        return entry;
      }));
  return forgotten;
}

// What is the operator's to change: an account in the tenant, keys in use and limits that name the
// user.
Result<std::int64_t> AdminApi::still_named(const store::AuditSubject& subject) const {
  TRY(const store::ControlData data, parts_.store.load());
  const auto keys = std::ranges::count_if(data.keys, [&](const tenancy::Key& key) {
    return key.tenant == subject.tenant && key.owner == subject.id;
  });
  const auto limits = std::ranges::count_if(data.limits, [&](const store::LimitRecord& limit) {
    return limit.holder.scope == limits::Scope::user && limit.holder.tenant == subject.tenant &&
           limit.holder.name == subject.id;
  });
  TRY(const auto user, parts_.store.user_named(subject.id));
  if (!user) return keys + limits;
  TRY(const auto memberships, parts_.store.memberships_of(user->id));
  const bool is_member = std::ranges::any_of(memberships, [&](const access::Membership& one) {
    return one.grant.tenant() == subject.tenant;
  });
  return keys + limits + (is_member ? 1 : 0);
}

Result<AdminApi::ErasedInLedger> AdminApi::erase_in_ledger(TenantId tenant, const std::string& user,
                                                           store::AdminEntry entry) {
  TRY_VOID(parts_.ledger.flush());
  std::array<unsigned char, 8> bytes{};
  parts_.random.fill(bytes);
  const std::string pseudonym = "erased-" + to_hex(bytes);
  entry.action = "ledger.erase";
  entry.reason = "a user's name in the usage ledger becomes " + pseudonym;
  ErasedInLedger out;
  TRY(const bool is_there, parts_.ledger.knows_user(tenant, user));
  if (is_there) {
    TRY(const auto told, parts_.audit->append(entry));
    out.index = told.index;
  }
  const auto done = parts_.ledger.erase_user(tenant, user, pseudonym);
  if (!done) {
    entry.outcome = "failed";
    if (is_there) TRY_VOID(parts_.audit->append(std::move(entry)));
    return fail(done.error());
  }
  out.subjects = *done;
  return out;
}

// Whether anything here was ever this subject's.
Result<bool> AdminApi::is_known(const store::AuditSubject& subject) {
  if (parts_.audit->knows(subject)) return true;
  if (!subject.tenant) return false;
  TRY(const std::int64_t named, still_named(subject));
  if (named > 0) return true;
  return parts_.ledger.knows_user(*subject.tenant, subject.id);
}

// A hold on a name that nobody has may be meant for the future, or be a slip of the fingers.
Result<AdminReply> AdminApi::hold_subject(const store::AuditSubject& subject,
                                          store::AdminEntry entry) {
  bool known = true;
  if (!subject.id.empty()) {
    TRY(known, is_known(subject));
  }
  TRY(const auto receipt, parts_.audit->hold(subject, true, std::move(entry)));
  JsonText json;
  json.number("index", static_cast<std::int64_t>(receipt.index)).flag("known", known);
  if (!known)
    json.text("warning", std::string_view("nobody of this name is known here: no key, no limit, no "
                                          "usage and no entry; look whether it is spelt as in the "
                                          "keys' owner"));
  return AdminReply{.body = json.end()};
}

}  // namespace sovmesh::control
