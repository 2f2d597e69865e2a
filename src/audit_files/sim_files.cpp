#include "audit_files/sim_files.h"

#include <algorithm>
#include <utility>

namespace sovmesh::audit_files {
namespace {

constexpr std::size_t kSector = 512;

std::unexpected<Error> io_error(const char* what) { return our_error(Code::io_error, what); }

}  // namespace

class SimFiles::Open : public File {
 public:
  Open(SimFiles& disk, std::shared_ptr<Inode> inode)
      : disk_(disk), boot_(disk.boot_), inode_(std::move(inode)) {}
  std::uint64_t size() const override { return inode_->now.size(); }
  Result<void> append(std::string_view bytes) override {
    TRY_VOID(change());
    if (disk_.write_fault_.strikes()) {
      inode_->now += bytes.substr(0, bytes.size() / 2);
      return our_error(disk_.write_fault_.code, "the write fails");
    }
    inode_->now += bytes;
    return {};
  }
  Result<void> truncate(std::uint64_t size) override {
    TRY_VOID(change());
    inode_->now.resize(size);
    return {};
  }
  Result<void> sync() override {
    TRY_VOID(change());
    ++disk_.syncs_;
    if (disk_.sync_fault_.strikes()) return io_error("the sync fails");
    inode_->durable = inode_->now;
    return {};
  }
  Result<void> overwrite(std::uint64_t at, std::string_view bytes) override {
    TRY_VOID(change());
    if (disk_.write_fault_.code != Code::overloaded && disk_.write_fault_.strikes())
      return our_error(disk_.write_fault_.code, "the write fails");
    inode_->now.replace(at, bytes.size(), bytes);
    return {};
  }
  void uncache() override {
    if (inode_->durable == inode_->now) disk_.uncached_ += inode_->now.size();
  }
  Result<void> wipe() override {
    TRY_VOID(change());
    std::ranges::fill(inode_->now, '\0');
    return sync();
  }

 private:
  Result<void> change() {
    if (boot_ != disk_.boot_) return io_error("opened before the power loss");
    return disk_.change();
  }
  SimFiles& disk_;
  std::uint64_t boot_;
  std::shared_ptr<Inode> inode_;
};

bool SimFiles::Fault::strikes() {
  if (nth == 0) return false;
  if (nth > 1) {
    --nth;
    return false;
  }
  if (--times == 0) nth = 0;
  return true;
}

std::uint64_t SimFiles::random() {  // xorshift64*
  random_ ^= random_ >> 12U;
  random_ ^= random_ << 25U;
  random_ ^= random_ >> 27U;
  return random_ * 2685821657736338717U;
}

Result<void> SimFiles::change() {
  if (powered_ && power_left_-- <= 1) {
    power_loss();
    powered_ = false;
    power_left_ = kForever;
  }
  if (!powered_) return io_error("the power is off");
  ++changes_;
  return {};
}

std::string SimFiles::torn(const Inode& inode) {
  std::string out(coin() ? inode.now.size() : inode.durable.size(), '\0');
  for (std::size_t at = 0; at < out.size(); at += kSector) {
    const std::string& from = coin() ? inode.now : inode.durable;
    const std::size_t end = std::min({at + kSector, out.size(), from.size()});
    if (end > at) out.replace(at, end - at, from, at, end - at);
  }
  return out;
}

bool SimFiles::has_folder(const Names& names, const std::string& path) const {
  const auto found = names.find(path);
  return path.rfind('/') == 0 || (found != names.end() && found->second.file == nullptr);
}

void SimFiles::power_loss() {
  ++boot_;
  Names after;
  Names both = names_;
  both.insert(durable_.begin(), durable_.end());
  for (const auto& [path, ignored] : both) {  // folders come before what is in them
    const auto now = names_.find(path);
    const auto then = durable_.find(path);
    const bool same = now != names_.end() && then != durable_.end() && now->second == then->second;
    const bool keep_now = same || coin();
    const Names& from = keep_now ? names_ : durable_;
    const auto kept = keep_now ? now : then;
    if (kept == from.end()) continue;
    const std::string folder = folder_of(path);
    if (!has_folder(after, folder)) continue;
    after.emplace(path, kept->second);
  }
  for (auto& [path, node] : after) {
    if (node.file != nullptr && node.file->now != node.file->durable)
      node.file->now = node.file->durable = torn(*node.file);
  }
  names_ = after;
  durable_ = std::move(after);
}

Result<std::optional<std::string>> SimFiles::read(const std::string& path) {
  if (!powered_) return io_error("the power is off");
  const auto found = names_.find(path);
  if (found == names_.end() || found->second.file == nullptr) return std::nullopt;
  return found->second.file->now;
}

Result<std::unique_ptr<File>> SimFiles::open(const std::string& path) {
  if (!powered_) return io_error("the power is off");
  auto found = names_.find(path);
  if (found == names_.end()) {
    TRY_VOID(change());
    if (!has_folder(names_, folder_of(path))) return io_error("no such folder");
    found = names_.emplace(path, Node{std::make_shared<Inode>()}).first;
  }
  if (found->second.file == nullptr) return io_error("is a folder");
  return std::make_unique<Open>(*this, found->second.file);
}

Result<void> SimFiles::rename(const std::string& from, const std::string& to) {
  TRY_VOID(change());
  const auto found = names_.find(from);
  if (found == names_.end() || !has_folder(names_, folder_of(to))) return io_error("no such file");
  const Node node = found->second;
  names_.erase(found);
  names_[to] = node;
  return {};
}

Result<void> SimFiles::remove(const std::string& path) {
  TRY_VOID(change());
  names_.erase(path);
  return {};
}

Result<void> SimFiles::make_folder(const std::string& path) {
  if (has_folder(names_, path)) return {};
  TRY_VOID(change());
  if (!has_folder(names_, folder_of(path))) return io_error("no such folder");
  names_.emplace(path, Node{});
  return {};
}

Result<void> SimFiles::remove_folder(const std::string& path) {
  TRY_VOID(change());
  TRY(const auto names, list(path));
  if (!names.empty()) return io_error("not empty");
  names_.erase(path);
  return {};
}

Result<void> SimFiles::sync_folder(const std::string& path) {
  TRY_VOID(change());
  ++syncs_;
  if (!has_folder(names_, path)) return io_error("no such folder");
  if (sync_fault_.strikes()) return io_error("the sync fails");
  std::erase_if(durable_, [&](const auto& node) { return folder_of(node.first) == path; });
  for (const auto& [name, node] : names_) {
    if (folder_of(name) == path) durable_.emplace(name, node);
  }
  return {};
}

Result<std::vector<std::string>> SimFiles::list(const std::string& path) {
  if (!powered_) return io_error("the power is off");
  std::vector<std::string> out;
  for (auto it = names_.upper_bound(path + "/"); it != names_.end(); ++it) {
    if (!it->first.starts_with(path + "/")) break;
    if (folder_of(it->first) == path) out.push_back(it->first.substr(path.size() + 1));
  }
  return out;
}

std::vector<std::string> SimFiles::paths() const {
  std::vector<std::string> out;
  for (const auto& [path, node] : names_) {
    if (node.file != nullptr) out.push_back(path);
  }
  return out;
}

void SimFiles::put(const std::string& path, std::string bytes) {
  auto inode = std::make_shared<Inode>();
  inode->now = inode->durable = std::move(bytes);
  names_[path] = durable_[path] = Node{std::move(inode)};
}

}  // namespace sovmesh::audit_files
