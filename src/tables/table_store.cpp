#include "mfld/tables/table_store.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <exception>
#include <filesystem>
#include <future>
#include <list>
#include <mutex>
#include <optional>
#include <utility>

#include "mfld/core/memory.hpp"
#include "tables/table.hpp"

namespace mfld {

namespace {

using tables::Source;
using tables::Table;
using tables::TableOptions;
using SharedTable = std::shared_ptr<const Table>;

std::string text_of(const ColumnChoice& choice) {
  const auto one = [](const Column& column) { return fmt::format("{} {}", column.place.value_or(-1), column.text()); };
  std::string text = choice.target ? one(*choice.target) : "none";
  for (const auto* columns : {&choice.inputs, &choice.dropped}) {
    text += ';';
    for (const Column& column : *columns) {
      text += one(column) + ',';
    }
  }
  return text;
}

/// What the table is made from; nothing for what is no file that could be read again.
std::optional<std::string> identity(const Source& source, const TableOptions& options) {
  struct stat file {};
  if (::stat(source.path.c_str(), &file) != 0 || !S_ISREG(file.st_mode)) {
    return std::nullopt;
  }
  return fmt::format("{}:{} {} {}.{} {}.{} {}{} {} {} {} {} {} {} {}", file.st_dev, file.st_ino, file.st_size,
                     file.st_mtim.tv_sec, file.st_mtim.tv_nsec, file.st_ctim.tv_sec, file.st_ctim.tv_nsec,
                     source.extension(), source.is_gzip(), options.csv.skip_lines, static_cast<int>(options.csv.header),
                     static_cast<int>(options.csv.separator), options.external, static_cast<int>(options.labels),
                     text_of(options.columns), options.data_set);
}

double size_of(const Table& table) { return static_cast<double>(table.values.size()) * sizeof(double); }

}  // namespace

struct TableStore::Shelves {
  struct Place {
    std::string identity;
    std::shared_future<SharedTable> table;
    double bytes = 0;  // 0 while it is being read
  };

  explicit Shelves(double most) : max_bytes(most) {}

  /// The table of that identity, or the promise of one that the caller must keep.
  std::pair<std::shared_future<SharedTable>, std::optional<std::promise<SharedTable>>> ask(
      const std::string& identity) {
    const std::lock_guard<std::mutex> lock(mutex);
    const auto found = find(identity);
    if (found != places.end()) {
      places.splice(places.begin(), places, found);
      return {found->table, std::nullopt};
    }
    std::promise<SharedTable> promise;
    places.push_front({identity, promise.get_future().share()});
    return {places.front().table, std::move(promise)};
  }

  void keep(const std::string& identity, double bytes) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (const auto found = find(identity); found != places.end()) {
      found->bytes = bytes;
      used += bytes;
    }
    for (auto place = places.end(); used > max_bytes && place != places.begin();) {
      --place;
      if (place->bytes > 0) {
        used -= place->bytes;
        place = places.erase(place);
      }
    }
  }

  void forget(const std::string& identity) {
    const std::lock_guard<std::mutex> lock(mutex);
    if (const auto found = find(identity); found != places.end()) {
      places.erase(found);
    }
  }

  std::list<Place>::iterator find(const std::string& identity) {
    return std::find_if(places.begin(), places.end(), [&](const Place& place) { return place.identity == identity; });
  }

  double max_bytes;
  double used = 0;
  std::mutex mutex;
  std::list<Place> places;  // those last asked for first
};

TableStore::TableStore() : TableStore(available_memory() / 4) {}
TableStore::TableStore(double max_bytes) : shelves_(std::make_unique<Shelves>(max_bytes)) {}
TableStore::~TableStore() = default;

namespace tables {

Table read_table(TableStore* store, const Source& source, const TableOptions& options) {
  const std::optional<std::string> which = store != nullptr ? identity(source, options) : std::nullopt;
  if (!which) {
    return read_table(source, options);
  }
  TableStore::Shelves& shelves = store->shelves();
  auto [shared, promise] = shelves.ask(*which);
  if (promise) {
    try {
      TableOptions with_kept = options;
      ++with_kept.num_copies;
      promise->set_value(std::make_shared<const Table>(read_table(source, with_kept)));
      shelves.keep(*which, size_of(*shared.get()));
    } catch (...) {
      shelves.forget(*which);
      promise->set_exception(std::current_exception());
    }
  }
  Table table = *shared.get();
  table.source = source;
  return table;
}

}  // namespace tables

}  // namespace mfld
