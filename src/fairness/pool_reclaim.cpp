// Takes what borrowers run back for those who are guaranteed it.
#include <algorithm>
#include <cmath>

#include "fairness/pool_state.h"

namespace sovmesh::fairness {
namespace {

// All that a tenant has waiting is looked at no more often than so many times in reclaim_after.
constexpr int kLooksPerClaim = 8;

}  // namespace

// Whether the tenant, if it is one, waits for what is guaranteed to it. Called whenever its credit
// or what it has waiting may have changed.
void PoolState::note_claim(NodeIndex index, Instant now) {
  const auto place = [this](std::uint32_t id) -> std::uint32_t& { return nodes_[id].claim_place; };
  const Node& node = nodes_[index];
  const bool waits = node.level == Level::tenant && node.nominal > 0 && node.waiting > 0 &&
                     node.guarantee_credit >= 0;
  if (waits == (node.claim_place != kNowhere)) return;
  if (waits)
    claims_.push(now + options_.reclaim_after, index, place);
  else
    claims_.erase(index, place);
}

// What was to make room for it has not.
void PoolState::hasten_claim(NodeIndex tenant, Instant now) {
  const std::uint32_t at = nodes_[tenant].claim_place;
  if (at == kNowhere || claims_.at(at).key <= now) return;
  claims_.update(now, tenant,
                 [this](std::uint32_t id) -> std::uint32_t& { return nodes_[id].claim_place; });
}

std::size_t PoolState::reclaim(Placement& placement, std::span<Reclaim> out, Instant now) {
  advance(now);
  if (lent_.empty()) return 0;
  std::size_t found = 0;
  while (!claims_.empty() && claims_.top().key <= now) {
    const NodeIndex tenant = claims_.top().id;
    found += claim_for(tenant, placement, out.subspan(found), now);
    if (found == out.size()) break;  // there may be more
    claims_.update(std::max(next_claim_, now + options_.reclaim_after / kLooksPerClaim), tenant,
                   [this](std::uint32_t id) -> std::uint32_t& { return nodes_[id].claim_place; });
  }
  return found;
}

// One borrower for each place that the tenant lacks. Requests of one kind find one all alike, or
// none does.
std::size_t PoolState::claim_for(NodeIndex tenant, Placement& placement, std::span<Reclaim> out,
                                 Instant now) {
  const std::size_t claimed = collect_claimants(tenant, now);
  const double part = part_of_places(nodes_[tenant]);
  double has = static_cast<double>(nodes_[tenant].running + claimed);
  unclaimable_kinds_.clear();
  std::size_t found = 0;
  for (const ItemIndex index : claimants_) {
    if (has >= part || found == out.size()) break;
    const Item& claimant = items_[index];
    if (unclaimable_kinds_.contains(claimant.request.kind)) continue;
    // For a part of a place nobody is left with less than its own.
    const double may_lack = has + 1 <= part ? 1 : 0;
    const ItemIndex chosen = borrower_for(claimant, may_lack, placement);
    if (chosen == kNowhere) {
      unclaimable_kinds_.insert(claimant.request.kind);
      continue;
    }
    const Item& borrower = items_[chosen];
    pair(index, chosen);
    set_named(items_[chosen], true);
    ++has;
    out[found++] = {.ticket = {.index = chosen, .generation = borrower.generation},
                    .tag = borrower.request.tag,
                    .leeway = borrower.leeway,
                    .tokens = borrower.tokens_so_far + options_.borrower_tokens_max};
  }
  return found;
}

// Fills claimants_ with what has waited long enough, in its order; says for how many others a
// borrower is to give way already. next_claim_: when there may be others.
std::size_t PoolState::collect_claimants(NodeIndex tenant, Instant now) {
  claimants_.clear();
  next_claim_ = now + options_.reclaim_after;
  std::size_t claimed = 0;
  for (NodeIndex leaf = nodes_[tenant].first_user; leaf != kNowhere;
       leaf = nodes_[leaf].user_after) {
    if (nodes_[leaf].waiting == 0 || is_blocked(leaf)) continue;
    for (const ClassQueue& queue : nodes_[leaf].queues) {
      for (std::uint32_t i = 0; i < queue.requests.size(); ++i) {
        const ItemIndex index = queue.requests.at(i).id;
        const Item& item = items_[index];
        claimed += item.counterpart == kNowhere ? 0 : 1;
        if (item.counterpart != kNowhere || item.request.start_by < now) continue;
        const Instant due = item.arrived + options_.reclaim_after;
        if (due <= now)
          claimants_.push_back(index);
        else
          next_claim_ = std::min(next_claim_, due);
      }
    }
  }
  std::ranges::sort(claimants_, {}, [this](ItemIndex index) {
    return std::pair(items_[index].request.priority, items_[index].key);
  });
  return claimed;
}

// Of all that runs, by what is guaranteed to the node.
double PoolState::part_of_places(const Node& node) const {
  if (node.nominal <= 0) return 0;
  const double all = std::max(tree_.nodes()[kPoolNode].spec.nominal, node.nominal);
  const double part = node.nominal / all * nodes_[kRoot].running;
  const double whole = std::round(part);
  return std::abs(part - whole) < 1e-6 ? whole : part;  // sums of decimal fractions
}

// Limits of its own keep it from running, whatever room there is.
bool PoolState::is_blocked(NodeIndex leaf) const {
  for (NodeIndex index = leaf; index != kRoot; index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    if (node.running >= node.concurrency_max) return true;
    if (node.level == Level::project && node.borrow_credit < 0 &&
        !(node.nominal > 0 && node.guarantee_credit >= 0))
      return true;
  }
  return false;
}

ItemIndex PoolState::borrower_for(const Item& claimant, double may_lack,
                                  Placement& placement) const {
  // One that has room is tried soon.
  if (placement.has_room() && placement.gain(claimant.request)) return kNowhere;
  ItemIndex chosen = kNowhere;
  for (const ItemIndex index : lent_) {
    const Item& item = items_[index];
    if (item.is_named || !is_borrowed(item) || !owes(item, claimant, may_lack)) continue;
    if (chosen != kNowhere && !goes_sooner(item, items_[chosen])) continue;
    if (placement.makes_room({.index = index, .generation = item.generation}, claimant.request))
      chosen = index;
  }
  return chosen;
}

// Whether it began on what its tenant is not guaranteed. Who has not had its guarantee in GPU time
// gets the next place that comes free in any case, so taking one back from it would help nobody.
bool PoolState::is_borrowed(const Item& running) const {
  const Node& tenant = nodes_[tenant_of(running.leaf)];
  return (running.guaranteed_at >> tenant.depth & 1U) == 0;
}

// Whether more runs of its tenant than its part, and of each cohort that the waiting one is not in;
// when it has gone they may lack so much of that part.
bool PoolState::owes(const Item& running, const Item& claimant, double may_lack) const {
  const NodeIndex owner = tenant_of(claimant.leaf);
  const auto holds_owner = [&](NodeIndex index) {
    NodeIndex at = owner;
    while (at != index && at != kRoot)
      at = nodes_[at].parent;
    return at == index;
  };
  const std::uint32_t self = running.is_named ? 1 : 0;
  for (NodeIndex index = tenant_of(running.leaf); !holds_owner(index);
       index = nodes_[index].parent) {
    const Node& node = nodes_[index];
    const double rest = node.running - (node.named - self) - 1.0;
    const double part = part_of_places(node);
    if (rest < part && rest + may_lack <= part) return false;
  }
  return tenant_of(running.leaf) != owner;
}

// Places that its tenant has beyond its part, by weight.
double PoolState::surplus(const Item& running) const {
  const Node& tenant = nodes_[tenant_of(running.leaf)];
  return (tenant.running - tenant.named - part_of_places(tenant)) / tenant.share_weight();
}

bool PoolState::goes_sooner(const Item& one, const Item& other) const {
  if (one.leeway != other.leeway) return one.leeway == Leeway::again;
  const double mine = surplus(one);
  const double its = surplus(other);
  return mine > its || (mine >= its && one.key.order > other.key.order);
}

bool PoolState::give_way(Ticket ticket, Instant now) {
  const ItemIndex index = find(ticket, Item::State::running);
  if (index == kNowhere) return false;
  advance(now);
  Item& item = items_[index];
  if (item.gives_way) return true;
  if (item.counterpart == kNowhere) return false;
  const Item& claimant = items_[item.counterpart];
  Node& owner = nodes_[tenant_of(claimant.leaf)];
  const bool is_wanted =
      owner.claim_place != kNowhere && owner.running + owner.coming < part_of_places(owner);
  if (!is_wanted || !owes(item, claimant, 1)) {
    part_from_claimant(item, now);
    return false;
  }
  ++owner.coming;
  item.gives_way = true;
  ++gave_way_[static_cast<std::size_t>(item.leeway)];
  unlend(item);
  return true;
}

void PoolState::set_leeway(Ticket ticket, Leeway leeway, Instant now) {
  const ItemIndex index = find(ticket, Item::State::running);
  if (index == kNowhere) return;
  advance(now);
  Item& item = items_[index];
  if (item.gives_way || item.leeway == leeway) return;
  unlend(item);
  part_from_claimant(item, now);
  item.leeway = leeway;
  lend(index);
}

bool PoolState::requeue(Ticket ticket, const Again& again, Instant now) {
  const ItemIndex index = find(ticket, Item::State::running);
  if (index == kNowhere) return false;
  Item& item = items_[index];
  if (!item.gives_way || item.leeway != Leeway::again) return false;
  advance(now);
  settle(item, again.used, now);
  item.gives_way = false;
  item.has_run = true;
  item.request.sheddable = false;
  item.request.kind = again.kind;
  item.request.start_by = again.start_by;
  item.request.target_by = Instant::max();  // it has its old place
  item.is_late = false;
  item.request.leeway = Leeway::none;
  item.arrived = now;
  join(index, now);
  return true;
}

// One that had to wait again is left alone.
void PoolState::lend(ItemIndex index) {
  Item& item = items_[index];
  if (item.leeway == Leeway::none || item.has_run) return;
  if (item.leeway == Leeway::again && item.request.priority != PriorityClass::batch) return;
  item.lent_place = static_cast<std::uint32_t>(lent_.size());
  lent_.push_back(index);
}

void PoolState::unlend(Item& item) {
  if (item.lent_place == kNowhere) return;
  const ItemIndex last = lent_.back();
  lent_[item.lent_place] = last;
  items_[last].lent_place = item.lent_place;
  lent_.pop_back();
  item.lent_place = kNowhere;
}

void PoolState::set_named(Item& running, bool is_named) {
  if (running.is_named == is_named) return;
  running.is_named = is_named;
  for (NodeIndex index = running.leaf;; index = nodes_[index].parent) {
    std::uint32_t& named = nodes_[index].named;
    named = is_named ? named + 1 : named - 1;
    if (index == kRoot) break;
  }
}

void PoolState::pair(ItemIndex claimant, ItemIndex running) {
  items_[claimant].counterpart = running;
  items_[running].counterpart = claimant;
  if (items_[running].gives_way) ++nodes_[tenant_of(items_[claimant].leaf)].coming;
}

void PoolState::unpair(Item& claimant) {
  Item& running = items_[claimant.counterpart];
  if (running.gives_way) --nodes_[tenant_of(claimant.leaf)].coming;
  claimant.counterpart = running.counterpart = kNowhere;
}

// The waiting one leaves. Places are all alike, so who was to give way for it does so for another
// one of its tenant; who has said that it does goes before who has not.
void PoolState::leave_claim(Item& claimant, Instant now) {
  if (claimant.counterpart == kNowhere) return;
  const ItemIndex running = claimant.counterpart;
  const bool is_coming = items_[running].gives_way;
  unpair(claimant);
  const ItemIndex heir = heir_of(claimant, is_coming, now);
  if (heir == kNowhere) {
    if (!is_coming) set_named(items_[running], false);
    return;
  }
  if (items_[heir].counterpart != kNowhere) {
    Item& other = items_[items_[heir].counterpart];
    unpair(items_[heir]);
    set_named(other, false);
  }
  pair(heir, running);
}

ItemIndex PoolState::heir_of(const Item& claimant, bool is_coming, Instant now) const {
  ItemIndex heir = kNowhere;
  for (NodeIndex leaf = nodes_[tenant_of(claimant.leaf)].first_user; leaf != kNowhere;
       leaf = nodes_[leaf].user_after) {
    for (const ClassQueue& queue : nodes_[leaf].queues) {
      for (std::uint32_t i = 0; i < queue.requests.size(); ++i) {
        const ItemIndex index = queue.requests.at(i).id;
        const Item& item = items_[index];
        if (&item == &claimant || item.request.kind != claimant.request.kind) continue;
        const bool is_alone = item.counterpart == kNowhere;
        if (is_alone && item.arrived + options_.reclaim_after <= now) return index;
        if (!is_alone && is_coming && !items_[item.counterpart].gives_way) heir = index;
      }
    }
  }
  return heir;
}

void PoolState::part_from_claimant(Item& running, Instant now) {
  set_named(running, false);
  if (running.counterpart == kNowhere) return;
  Item& claimant = items_[running.counterpart];
  unpair(claimant);
  hasten_claim(tenant_of(claimant.leaf), now);
}

}  // namespace sovmesh::fairness
