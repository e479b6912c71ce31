#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mfld/core/error.hpp"
#include "mfld/core/particles.hpp"
#include "mfld/tables/columns.hpp"
#include "mfld/tables/csv_format.hpp"
#include "mfld/tables/table_store.hpp"
#include "tables/text/fields.hpp"

namespace mfld::tables {

/// A file and the key that named it.
struct Source {
  std::string key;
  std::string path;
  const std::atomic<bool>* stop = nullptr;  // once true, whoever reads the file gives up
  /// What stands before the names of the options beside it: "task." of an experiment; nullopt: those of a command line.
  std::optional<std::string> section = std::nullopt;

  /// In small letters, without that of a compressed text.
  std::string extension() const;
  bool is_text() const { return extension() == ".csv" || extension() == ".tsv" || extension() == ".txt"; }
  bool is_gzip() const;
  bool is_npy() const { return extension() == ".npy"; }
  bool is_npz() const { return extension() == ".npz"; }
  bool is_hdf5() const { return extension() == ".h5" || extension() == ".hdf5"; }

  FileError file_error(std::string_view reason) const;
  InvalidInput invalid(std::string_view reason) const;
  /// Line (of text) or row of a file, and column, from 1.
  InvalidInput invalid_at(Index line, Index column, std::string_view reason) const;
  /// What another option is called where it was named: task.skip_lines or --skip-lines.
  std::string option(std::string_view name) const;
  /// task.header = "yes" or --header yes.
  std::string with(std::string_view name, std::string_view value) const;

  /// "reading task.path = "data.csv"", for who is interrupted in it.
  std::string doing() const;
  /// Throws Interrupted if the flag is set: for readers to call every few milliseconds.
  void go_on_unless_stopped() const;
};

/// What the column of the target may hold: numbers; words in their place, of which each is a class; or anything, for
/// nobody asks.
enum class Labels { numbers, classes, unread };

/// What else says how to read a file.
struct TableOptions {
  CsvFormat csv = {};
  std::string data_set = "data";  // hdf5; of a .npz, the array
  ColumnChoice columns = {};
  Labels labels = Labels::numbers;
  bool external = false;  // whether an HDF5 file may take its numbers from files outside its folder
  int num_copies = 2;     // of the table that are in memory at once: in the child and here, or here and in the data
};

/// Columns that are read, from 0.
struct Selection {
  std::vector<Index> inputs = {};  // in the order in which the data have them
  Index target = -1;               // -1: there is none
};

/// The numbers of a file, before anything is known about them.
struct Table {
  Source source;
  Inputs values;                   // [rows x columns], finite in those that are selected
  Index first_line = 1;            // where row 0 is in the file; the other rows follow without a gap
  std::vector<std::string> names;  // of the columns; empty if the file has none; as `escaped` writes them
  Index header_line = 0;           // that was read as names and not as a row; 0: there is none
  std::vector<Index> places = {};  // of the columns in the file; empty: it has no others
  Selection selection = {};
  std::optional<Column> target = {};      // in the file, whether it is read or not
  std::vector<std::string> classes = {};  // the words of the target, whose numbers say which; empty: it has numbers
  std::vector<Index> logical = {};        // inputs of TRUE and FALSE, as 1 and 0

  Index place_in_file(Index column) const { return places.empty() ? column : places[static_cast<std::size_t>(column)]; }
  /// Those that are selected, ascending.
  std::vector<Index> read_columns() const;
};

/// Throws unless the name of the file says how to read it.
void check_extension(const Source& source);

/// Throws FileError unless it is a regular file, or a pipe that is text.
void check_file(const Source& source);

/// Throws where rows x columns doubles are no table: empty, or too many to count.
void check_shape(const Source& source, std::uint64_t rows, std::uint64_t columns);

/// Throws where `num_copies` of rows x columns doubles do not fit into the memory that is available.
void check_fits(const Source& source, std::uint64_t rows, std::uint64_t columns, int num_copies);

/// Throws naming the first number that is not finite in a column that is selected.
void check_finite(const Table& table);

/// A field of a text file as an error quotes it: shortened, and printable.
std::string quoted_field(std::string_view field);

/// The readers, one a kind of file; each returns a checked table.
Table read_csv(const Source& source, const TableOptions& options);
Table read_npy(const Source& source, const TableOptions& options);
Table read_npz(const Source& source, const TableOptions& options);
Table read_hdf5(const Source& source, const TableOptions& options);

/// The one that fits the name.
Table read_table(const Source& source, const TableOptions& options);

/// The same, once for all who ask the store; null: there is none. A failure is told to all who wait, and not kept.
Table read_table(TableStore* store, const Source& source, const TableOptions& options);

}  // namespace mfld::tables
