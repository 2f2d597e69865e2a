// Making and checking proofs: RFC 6962 section 2.1.1 and 2.1.2 for what a proof holds, RFC 9162
// section 2.1.3.2 and 2.1.4.2 for how one is checked without recursion.
#include <bit>

#include "ledgerlog/tree.h"

namespace sovmesh::ledgerlog {
namespace {

// The complete subtrees of [begin, end) from left to right. The range starts at a multiple of the
// power of two above its length, as all ranges in RFC 6962 do.
Result<std::vector<Digest>> subtree_roots(HashReader& hashes, std::uint64_t begin,
                                          std::uint64_t end) {
  std::vector<Digest> roots;
  while (begin < end) {
    const auto level = static_cast<unsigned>(std::bit_width(end - begin) - 1);
    TRY(const Digest root, hashes.hash({.level = level, .index = begin >> level}));
    roots.push_back(root);
    begin += std::uint64_t{1} << level;
  }
  return roots;
}

// MTH(D[begin:end])
Result<Digest> range_hash(HashReader& hashes, std::uint64_t begin, std::uint64_t end) {
  TRY(const std::vector<Digest> roots, subtree_roots(hashes, begin, end));
  Digest hash = roots.back();
  for (std::size_t i = roots.size() - 1; i-- > 0;)
    hash = node_hash(roots[i], hash);
  return hash;
}

// The largest power of two below `size`: where RFC 6962 splits a tree of two leaves or more.
std::uint64_t split_of(std::uint64_t size) { return std::bit_floor(size - 1); }

// One step down from [begin, end): the half that is left behind.
struct Aside {
  std::uint64_t begin;
  std::uint64_t end;
};

// Goes down from the whole tree towards leaf `index`, until `done` says that [begin, end) is where
// to stop; hands back what was left aside, the lowest first.
template <class Done>
std::vector<Aside> path_down(std::uint64_t index, std::uint64_t size, Done done) {
  std::vector<Aside> asides;
  std::uint64_t begin = 0;
  std::uint64_t end = size;
  while (!done(begin, end)) {
    const std::uint64_t middle = begin + split_of(end - begin);
    if (index < middle) {
      asides.insert(asides.begin(), {.begin = middle, .end = end});
      end = middle;
    } else {
      asides.insert(asides.begin(), {.begin = begin, .end = middle});
      begin = middle;
    }
  }
  return asides;
}

Result<Proof> hash_all(HashReader& hashes, const std::vector<Aside>& asides, Proof proof) {
  for (const Aside& aside : asides) {
    TRY(const Digest hash, range_hash(hashes, aside.begin, aside.end));
    proof.push_back(hash);
  }
  return proof;
}

}  // namespace

Result<Digest> root_at(HashReader& hashes, std::uint64_t size) {
  if (size > kTreeSizeMax) return client_error(Code::invalid_value, "no tree is that large");
  if (size == 0) return empty_root();
  return range_hash(hashes, 0, size);
}

Result<Frontier> frontier_at(HashReader& hashes, std::uint64_t size) {
  if (size > kTreeSizeMax) return client_error(Code::invalid_value, "no tree is that large");
  TRY(std::vector<Digest> roots, subtree_roots(hashes, 0, size));
  return Frontier::from(size, std::move(roots));
}

Result<Proof> inclusion_proof(HashReader& hashes, std::uint64_t index, std::uint64_t size) {
  if (size > kTreeSizeMax || index >= size)
    return client_error(Code::invalid_value, "the entry is not in a tree of that size");
  const auto at_leaf = [](std::uint64_t begin, std::uint64_t end) { return end - begin == 1; };
  return hash_all(hashes, path_down(index, size, at_leaf), {});
}

Result<Proof> consistency_proof(HashReader& hashes, std::uint64_t old_size,
                                std::uint64_t new_size) {
  if (new_size > kTreeSizeMax || old_size > new_size)
    return client_error(Code::invalid_value, "the old tree is larger than the new one");
  if (old_size == 0 || old_size == new_size) return Proof{};
  // Down to the subtree that ends where the old tree ends: both trees have it.
  std::uint64_t last_begin = 0;
  const auto asides =
      path_down(old_size - 1, new_size, [&](std::uint64_t begin, std::uint64_t end) {
        last_begin = begin;
        return end == old_size;
      });
  Proof proof;
  // When it is the whole old tree, its hash is the old root, which the checker has.
  if (last_begin != 0) {
    TRY(const Digest shared, range_hash(hashes, last_begin, old_size));
    proof.push_back(shared);
  }
  return hash_all(hashes, asides, std::move(proof));
}

bool proves_inclusion(std::uint64_t index, const Digest& leaf, std::uint64_t size,
                      const Digest& root, std::span<const Digest> proof) {
  if (index >= size || size > kTreeSizeMax) return false;
  std::uint64_t at = index;
  std::uint64_t last = size - 1;
  Digest hash = leaf;
  for (const Digest& step : proof) {
    if (last == 0) return false;  // longer than the path
    if ((at & 1) != 0 || at == last) {
      hash = node_hash(step, hash);
      // On the right edge, levels without a left neighbour have no node of their own.
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, step);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && hash == root;
}

bool proves_consistency(std::uint64_t old_size, const Digest& old_root, std::uint64_t new_size,
                        const Digest& new_root, std::span<const Digest> proof) {
  if (old_size > new_size || new_size > kTreeSizeMax) return false;
  if (old_size == new_size) return proof.empty() && old_root == new_root;
  if (old_size == 0) return proof.empty() && old_root == empty_root();
  const bool whole = std::has_single_bit(old_size);  // then the first hash is the old root itself
  if (!whole && proof.empty()) return false;
  std::uint64_t at = old_size - 1;
  std::uint64_t last = new_size - 1;
  while ((at & 1) != 0) {
    at >>= 1;
    last >>= 1;
  }
  Digest old_hash = whole ? old_root : proof[0];
  Digest new_hash = old_hash;
  for (const Digest& step : proof.subspan(whole ? 0 : 1)) {
    if (last == 0) return false;
    if ((at & 1) != 0 || at == last) {
      old_hash = node_hash(step, old_hash);
      new_hash = node_hash(step, new_hash);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      new_hash = node_hash(new_hash, step);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && old_hash == old_root && new_hash == new_root;
}

}  // namespace sovmesh::ledgerlog
