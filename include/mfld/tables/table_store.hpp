#pragma once
#include <memory>

namespace mfld {

/// The tables of data files that the runs of a sweep have in common: each is read once, also where several threads ask
/// for it at the same time, and again only when the file has changed. Keeps tables as long as they fit into
/// `max_bytes` together, a quarter of the available memory unless said otherwise; those that nobody has asked for the
/// longest go first.
class TableStore {
 public:
  TableStore();
  explicit TableStore(double max_bytes);
  ~TableStore();
  TableStore(const TableStore&) = delete;
  TableStore& operator=(const TableStore&) = delete;

  struct Shelves;
  Shelves& shelves() const { return *shelves_; }

 private:
  std::unique_ptr<Shelves> shelves_;
};

}  // namespace mfld
