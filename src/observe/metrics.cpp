#include "observe/metrics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <deque>
#include <list>
#include <map>
#include <variant>

#include "base/guarded.h"

namespace sovmesh::observe {
namespace {

constexpr std::string_view kOther = "other";

void append_label_value(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
}

// name{a="x",b="y"} with an optional extra label (le).
void append_series(std::string& out, std::string_view name, const std::vector<std::string>& labels,
                   const std::vector<std::string>& values, std::string_view le = {}) {
  out += name;
  if (labels.empty() && le.empty()) return;
  out += '{';
  for (std::size_t i = 0; i < labels.size(); ++i) {
    if (i > 0) out += ',';
    out += labels[i];
    out += "=\"";
    append_label_value(out, values[i]);
    out += '"';
  }
  if (!le.empty()) {
    if (!labels.empty()) out += ',';
    out += fmt::format("le=\"{}\"", le);
  }
  out += '}';
}

}  // namespace

Histogram::Histogram(std::span<const double> bounds)
    : bounds_(bounds), buckets_(new std::atomic<std::uint64_t>[bounds.size() + 1]()) {}

void Histogram::observe(double value) {
  const auto bucket = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  buckets_[static_cast<std::size_t>(bucket)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t Histogram::count() const {
  std::uint64_t total = 0;
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    total += buckets_[i].load(std::memory_order_relaxed);
  }
  return total;
}

template <class T>
struct Family<T>::Impl {
  struct Series {
    std::vector<std::string> values;
    T metric;
    template <class... Args>
    explicit Series(std::vector<std::string> v, Args&&... args)
        : values(std::move(v)), metric(std::forward<Args>(args)...) {}
  };
  struct Less {
    using is_transparent = void;
    static bool less(auto& a, auto& b) {
      return std::ranges::lexicographical_compare(
          a, b, [](std::string_view x, std::string_view y) { return x < y; });
    }
    bool operator()(const auto& a, const auto& b) const { return less(a, b); }
  };
  struct Table {
    std::map<std::vector<std::string>, Series*, Less> index;
    std::list<Series> series;  // stable addresses
  };

  Series& make(Table& into, std::vector<std::string> values) {
    if constexpr (std::is_same_v<T, Histogram>) {
      return into.series.emplace_back(std::move(values), std::span<const double>(bounds));
    } else {
      return into.series.emplace_back(std::move(values));
    }
  }

  std::string name;
  std::string help;
  std::vector<std::string> labels;
  std::vector<double> bounds;  // histograms only
  std::size_t series_max = 0;
  Guarded<Table> table;
};

template <class T>
Family<T>::Family(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
template <class T>
Family<T>::~Family() = default;

template <class T>
T& Family<T>::with(std::span<const std::string_view> label_values) {
  assert(label_values.size() == impl_->labels.size());
  return *impl_->table.with([&](typename Impl::Table& table) -> T* {
    if (const auto it = table.index.find(label_values); it != table.index.end()) {
      return &it->second->metric;
    }
    std::vector<std::string> values(label_values.begin(), label_values.end());
    if (table.series.size() + 1 >= impl_->series_max && !values.empty()) {
      values.assign(values.size(), std::string(kOther));  // the last series stands for all others
      if (const auto it = table.index.find(values); it != table.index.end()) {
        return &it->second->metric;
      }
    }
    auto& series = impl_->make(table, values);
    table.index.emplace(std::move(values), &series);
    return &series.metric;
  });
}

template <class T>
T& Family<T>::only(std::initializer_list<std::string_view> values) {
  assert(values.size() == impl_->labels.size());
  return *impl_->table.with([&](typename Impl::Table& table) -> T* {
    table.index.clear();
    table.series.clear();
    std::vector<std::string> owned(values.begin(), values.end());
    auto& series = impl_->make(table, owned);
    table.index.emplace(std::move(owned), &series);
    return &series.metric;
  });
}

template <class T>
void Family<T>::forget(std::initializer_list<std::string_view> first_values) {
  assert(first_values.size() <= impl_->labels.size());
  const auto is_meant = [&](const std::vector<std::string>& values) {
    return std::equal(first_values.begin(), first_values.end(), values.begin());
  };
  impl_->table.with([&](typename Impl::Table& table) {
    std::erase_if(table.index, [&](const auto& entry) { return is_meant(entry.first); });
    std::erase_if(table.series, [&](const auto& series) { return is_meant(series.values); });
  });
}

template class Family<Counter>;
template class Family<Gauge>;
template class Family<Total>;
template class Family<Histogram>;

struct Registry::Impl {
  struct Made {
    std::deque<std::variant<std::unique_ptr<Family<Counter>>, std::unique_ptr<Family<Gauge>>,
                            std::unique_ptr<Family<Total>>, std::unique_ptr<Family<Histogram>>>>
        families;
    std::vector<std::function<void()>> updates;
  };
  Guarded<Made> made;

  template <class T>
  Family<T>& add(std::string_view name, std::string_view help, std::vector<std::string> labels,
                 std::vector<double> bounds, std::size_t series_max) {
    auto impl = std::make_unique<typename Family<T>::Impl>();
    impl->name = name;
    impl->help = help;
    impl->labels = std::move(labels);
    impl->bounds = std::move(bounds);
    impl->series_max = series_max;
    std::unique_ptr<Family<T>> family(new Family<T>(std::move(impl)));
    Family<T>& reference = *family;
    made.with([&](Made& all) { all.families.emplace_back(std::move(family)); });
    return reference;
  }

  template <class T>
  static void render(const Family<T>& family, std::string& out) {
    auto& impl = *family.impl_;
    constexpr bool kIsCounter = std::is_same_v<T, Counter> || std::is_same_v<T, Total>;
    constexpr std::string_view kType = kIsCounter                 ? "counter"
                                       : std::is_same_v<T, Gauge> ? "gauge"
                                                                  : "histogram";
    fmt::format_to(std::back_inserter(out), "# HELP {} {}\n# TYPE {} {}\n", impl.name, impl.help,
                   impl.name, kType);
    impl.table.with([&](auto& table) {
      for (const auto& series : table.series) {
        if constexpr (std::is_same_v<T, Histogram>) {
          render_histogram(impl.name, impl.labels, series.values, series.metric, out);
        } else {
          append_series(out, impl.name, impl.labels, series.values);
          fmt::format_to(std::back_inserter(out), " {}\n", series.metric.value());
        }
      }
    });
  }

  static void render_histogram(const std::string& name, const std::vector<std::string>& labels,
                               const std::vector<std::string>& values, const Histogram& histogram,
                               std::string& out) {
    std::uint64_t total = 0;
    for (std::size_t i = 0; i <= histogram.bounds_.size(); ++i) {
      total += histogram.buckets_[i].load(std::memory_order_relaxed);
      const std::string le =
          i < histogram.bounds_.size() ? fmt::format("{}", histogram.bounds_[i]) : "+Inf";
      append_series(out, name + "_bucket", labels, values, le);
      fmt::format_to(std::back_inserter(out), " {}\n", total);
    }
    append_series(out, name + "_sum", labels, values);
    fmt::format_to(std::back_inserter(out), " {}\n",
                   histogram.sum_.load(std::memory_order_relaxed));
    append_series(out, name + "_count", labels, values);
    fmt::format_to(std::back_inserter(out), " {}\n", total);
  }
};

Registry::Registry() : impl_(std::make_unique<Impl>()) {}
Registry::~Registry() = default;

Family<Counter>& Registry::counters(std::string_view name, std::string_view help,
                                    std::vector<std::string> labels, std::size_t series_max) {
  return impl_->add<Counter>(name, help, std::move(labels), {}, series_max);
}
Family<Gauge>& Registry::gauges(std::string_view name, std::string_view help,
                                std::vector<std::string> labels, std::size_t series_max) {
  return impl_->add<Gauge>(name, help, std::move(labels), {}, series_max);
}
Family<Total>& Registry::totals(std::string_view name, std::string_view help,
                                std::vector<std::string> labels, std::size_t series_max) {
  return impl_->add<Total>(name, help, std::move(labels), {}, series_max);
}
Family<Histogram>& Registry::histograms(std::string_view name, std::string_view help,
                                        std::vector<std::string> labels, std::vector<double> bounds,
                                        std::size_t series_max) {
  return impl_->add<Histogram>(name, help, std::move(labels), std::move(bounds), series_max);
}

void Registry::on_render(std::function<void()> update) {
  impl_->made.with([&](Impl::Made& made) { made.updates.push_back(std::move(update)); });
}

std::string Registry::render() {
  const auto updates = impl_->made.with([](const Impl::Made& made) { return made.updates; });
  for (const auto& update : updates)
    update();
  std::string out;
  impl_->made.with([&](const Impl::Made& made) {
    for (const auto& family : made.families) {
      std::visit([&](const auto& f) { Impl::render(*f, out); }, family);
    }
  });
  return out;
}

}  // namespace sovmesh::observe
