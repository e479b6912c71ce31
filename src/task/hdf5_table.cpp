#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <limits>

#include "core/child_process.hpp"
#include "mfld/core/hdf5_file.hpp"
#include "mfld/core/memory.hpp"
#include "task/table.hpp"

namespace mfld {

namespace {

/// What the child sends first. The numbers of the table follow, or else the sentence.
struct Answer {
  enum Kind : std::int64_t { table, invalid, unreadable };
  std::int64_t kind = unreadable;
  std::int64_t rows = 0;
  std::int64_t columns = 0;  // or the length of the sentence
};

void check_memory(const Source& source, std::uint64_t rows, std::uint64_t columns) {
  const double needed = static_cast<double>(rows) * static_cast<double>(columns) * sizeof(double) / 0x1p30;
  const double available = available_memory() / 0x1p30;
  if (needed > available) {
    throw source.invalid(fmt::format("a table of {} x {} numbers needs {:.3g} GiB and {:.3g} GiB are available", rows,
                                     columns, needed, available));
  }
}

/// In the child: reads and sends as it goes.
void send_table(const Source& source, const std::string& data_set, Pipe& pipe) {
  const Hdf5File file = Hdf5File::open(source.path);
  if (data_set.empty() || !file.has_data_set(data_set)) {
    throw InvalidInput(
        fmt::format("task.dataset = \"{}\" must name a data set of the file \"{}\"", data_set, source.path));
  }
  const Hdf5File::Shape shape = file.shape(data_set);
  if (shape.size() != 2) {
    throw source.invalid(fmt::format("its data set \"{}\" has {} dimensions and must have 2", data_set, shape.size()));
  }
  const auto rows = static_cast<std::uint64_t>(shape[0]);
  const auto columns = static_cast<std::uint64_t>(shape[1]);
  check_shape(source, rows, columns);
  check_memory(source, rows, columns);
  file.check_stored(data_set);
  std::vector<double> values(static_cast<std::size_t>(rows * columns));
  file.read<double>(data_set, values);
  const Answer answer{Answer::table, shape[0], shape[1]};
  pipe.send(std::as_bytes(std::span(&answer, 1)));
  pipe.send(std::as_bytes(std::span(values)));
}

void send_sentence(Answer::Kind kind, std::string_view text, Pipe& pipe) {
  const Answer answer{kind, 0, std::ssize(text)};
  pipe.send(std::as_bytes(std::span(&answer, 1)));
  pipe.send(std::as_bytes(std::span(text)));
}

/// In this process: trusts nothing that comes.
Table receive_table(const Source& source, Pipe& pipe, bool& whole) {
  Table table{source, {}, 1, {}};
  Answer answer;
  whole = pipe.receive(std::as_writable_bytes(std::span(&answer, 1)));
  const auto [kind, rows, columns] = answer;
  if (!whole || columns < 0 || rows < 0 || (kind != Answer::table && columns > 10000)) {
    whole = false;
    return table;
  }
  if (kind == Answer::table) {
    check_shape(source, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns));
    check_memory(source, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns));
    table.values.resize(rows, columns);
    whole = pipe.receive(
        std::as_writable_bytes(std::span(table.values.data(), static_cast<std::size_t>(table.values.size()))));
    return table;
  }
  std::string sentence(static_cast<std::size_t>(columns), ' ');
  whole = pipe.receive(std::as_writable_bytes(std::span(sentence)));
  if (kind == Answer::invalid) {
    throw InvalidInput(sentence);
  }
  throw FileError(sentence);
}

}  // namespace

/// The library is not safe on damaged files (it follows lengths and addresses that they hold), and a data file has no
/// checksum that we know: a child reads it.
Table read_hdf5(const Source& source, const TableOptions& options) {
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(source.path, unknown);
  const unsigned cpu_seconds =
      20 + (unknown ? 0U : static_cast<unsigned>(std::min<std::uintmax_t>(bytes >> 20U, 100000)));
  Table table;
  bool whole = false;
  const auto fault = run_in_child(
      cpu_seconds,
      [&](Pipe& pipe) {
        try {
          send_table(source, options.data_set, pipe);
        } catch (const InvalidInput& error) {
          send_sentence(Answer::invalid, error.what(), pipe);
        } catch (const FileError& error) {
          send_sentence(Answer::unreadable, error.what(), pipe);
        }
      },
      [&](Pipe& pipe) { table = receive_table(source, pipe, whole); });
  if (fault || !whole) {
    throw source.file_error(
        fmt::format("it is damaged, the HDF5 library failed on it ({})", fault.value_or("cut short")));
  }
  check_finite(table);
  return table;
}

}  // namespace mfld
