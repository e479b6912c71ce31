#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "mfld/files/file_place.hpp"

namespace mfld {

/// One open HDF5 file, without the names of that library. HDF5 is not safe to call from two threads at once: every call
/// here takes the one lock the process has for it. Nothing is printed; every failure is a FileError that names the
/// file, the object and the reason the system (or else the library) gave. Objects are named by their path in the file
/// ("/group/name"; groups on the way are made as needed). Shapes and values are row-major. Value is double,
/// std::int64_t or std::uint64_t; other number types in a file are converted on reading.
class Hdf5File {
 public:
  using Shape = std::vector<std::int64_t>;

  /// A new file; what had its name, a leftover or somebody's link, is removed and never written into. The first
  /// `reserved_bytes` (0, or a power of two >= 512) are left to the caller.
  static Hdf5File create(const FilePlace& place, std::int64_t reserved_bytes = 0);
  /// An existing file, for reading only.
  static Hdf5File open(const FilePlace& place);

  ~Hdf5File();
  Hdf5File(Hdf5File&&) noexcept;
  Hdf5File& operator=(Hdf5File&&) noexcept;

  /// Whether a data set of that name exists.
  bool has_data_set(const std::string& data_set) const;
  /// The names of all data sets, ascending.
  std::vector<std::string> data_sets() const;
  Shape shape(const std::string& data_set) const;
  /// All values; values.size() must be the product of the shape.
  template <class Value>
  void read(const std::string& data_set, std::span<Value> values) const;
  /// The rows from `first` on: as many as values.size(), a multiple of the length of a row, says.
  template <class Value>
  void read_rows(const std::string& data_set, std::int64_t first, std::span<Value> values) const;
  /// Those of a list that `write` made.
  std::vector<std::string> read_texts(const std::string& data_set) const;
  template <class Value>
  Value read_attribute(const std::string& object, const std::string& attribute) const;

  void make_group(const std::string& group);
  /// One more name for what is there.
  void link(const std::string& object, const std::string& name);
  template <class Value>
  void write(const std::string& data_set, const Shape& shape, std::span<const Value> values);
  void write(const std::string& data_set, const std::vector<std::string>& texts);
  /// An attribute of an existing group or data set: a number, a list of numbers, a text, or a list of texts.
  template <class Value>
  requires std::is_arithmetic_v<Value>
  void write_attribute(const std::string& object, const std::string& attribute, Value value);
  template <class Value>
  requires std::is_arithmetic_v<Value>
  void write_attribute(const std::string& object, const std::string& attribute, const std::vector<Value>& values);
  void write_attribute(const std::string& object, const std::string& attribute, const std::string& text);
  void write_attribute(const std::string& object, const std::string& attribute, const std::vector<std::string>& texts);

  /// A data set whose place in the file is set aside, to be written some rows at a time.
  template <class Value>
  void reserve(const std::string& data_set, const Shape& shape);
  /// A data set without rows: a row has the extents `item`, a chunk of rows the extents `chunk`.
  struct Growing {
    std::string name;
    Shape item;
    Shape chunk;
    bool integers;
  };
  /// Data sets whose rows others can append: the first extent has no limit. Their headers follow each other and nothing
  /// but those of the file and of its root comes before, where this is the first thing done with a new file.
  void make_growing(const std::vector<Growing>& data_sets);
  /// The rows from `first` on: as many as values.size(), a multiple of the length of a row, says.
  template <class Value>
  void write_rows(const std::string& data_set, std::int64_t first, std::span<const Value> values);
  /// Flushes and closes, reporting failure; the destructor closes silently.
  void close();

 private:
  struct Handle;
  explicit Hdf5File(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace mfld
