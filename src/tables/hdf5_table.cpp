#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <filesystem>
#include <functional>

#include "files/child_process.hpp"
#include "hdf5/hdf5_data_set.hpp"
#include "tables/columns.hpp"
#include "tables/hdf5_work.hpp"
#include "tables/table.hpp"

namespace mfld::tables {

namespace {

/// What the child sends. The seconds of its next step follow, the numbers of the table, or a sentence.
enum class Answer : std::int64_t { gets_on, table, invalid, unreadable };

constexpr double base_seconds = 20;
/// A slow machine decodes more in a second.
constexpr double bytes_a_second = 0x1p24;

unsigned seconds_for(double bytes) {
  return static_cast<unsigned>(std::min(base_seconds + bytes / bytes_a_second, 1e6));
}

/// Of a child that uses all its time of the processor, one of many on the machine.
double silence_of(unsigned cpu_seconds) { return 30.0 * cpu_seconds; }

/// Has this process use the CPU time that its next steps need, and no more: an endless loop ends, honest work does not.
/// Tells the parent.
class Allowance {
 public:
  explicit Allowance(files::Channel& parent) : parent_(parent) {}

  void operator()(double bytes) {
    const unsigned seconds = seconds_for(bytes);
    const double end = static_cast<double>(std::clock()) / CLOCKS_PER_SEC + seconds;
    if (end > end_ + 1) {
      end_ = end;
      files::allow_cpu_seconds(seconds + 1);
      parent_.send_number(static_cast<std::int64_t>(Answer::gets_on));
      parent_.send_number(seconds);
    }
  }

 private:
  files::Channel& parent_;
  double end_ = 0;
};

Table read_with_library(const Source& source, const TableOptions& options, const hdf5::BeginStep& begin_step) {
  hdf5::DataSetReader reader(source.path, options.external);
  if (options.data_set.empty() || !reader.find(options.data_set)) {
    throw InvalidInput(fmt::format("{} must name a data set of the file \"{}\"",
                                   source.with("dataset", options.data_set), source.path));
  }
  const auto& shape = reader.shape();
  if (shape.size() != 2) {
    throw source.invalid(
        fmt::format("its data set \"{}\" has {} dimensions and must have 2", options.data_set, shape.size()));
  }
  const auto rows = static_cast<std::uint64_t>(shape[0]);
  const auto columns = static_cast<std::uint64_t>(shape[1]);
  check_shape(source, rows, columns);
  check_fits(source, rows, columns, options.num_copies);
  Table table{source, Inputs(shape[0], shape[1]), 1, {}};
  reader.read({table.values.data(), static_cast<std::size_t>(table.values.size())}, begin_step);
  return table;
}

/// With the name of the file, and of the key that would allow it.
Table read_here(const Source& source, const TableOptions& options, const hdf5::BeginStep& begin_step) {
  try {
    return read_with_library(source, options, begin_step);
  } catch (const hdf5::Outside& refusal) {
    throw source.invalid(fmt::format(
        "{}{}", refusal.what(), source.section ? fmt::format("; {} = true allows it", source.option("external")) : ""));
  } catch (const hdf5::Refused& refusal) {
    throw source.invalid(refusal.what());
  } catch (const hdf5::Unreadable& failure) {
    throw source.file_error(failure.what());
  }
}

void send_sentence(Answer kind, std::string_view text, files::Channel& parent) {
  parent.send_number(static_cast<std::int64_t>(kind));
  parent.send_text(text);
}

/// In this process: trusts nothing that comes.
Table receive_table(const Source& source, const TableOptions& options, files::Channel& child) {
  auto kind = static_cast<Answer>(child.receive_number());
  for (; kind == Answer::gets_on; kind = static_cast<Answer>(child.receive_number())) {
    const std::int64_t seconds = child.receive_number();
    if (seconds < 0 || seconds > seconds_for(HUGE_VAL)) {
      throw files::ChannelClosed();
    }
    child.bear_silence(silence_of(static_cast<unsigned>(seconds)));
  }
  if (kind == Answer::table) {
    const std::int64_t rows = child.receive_number();
    const std::int64_t columns = child.receive_number();
    if (rows < 0 || columns < 0) {
      throw files::ChannelClosed();
    }
    check_shape(source, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns));
    check_fits(source, static_cast<std::uint64_t>(rows), static_cast<std::uint64_t>(columns),
               options.num_copies - 1);  // the one in the child is there
    Table table{source, Inputs(rows, columns), 1, {}};
    child.receive(
        std::as_writable_bytes(std::span(table.values.data(), static_cast<std::size_t>(table.values.size()))));
    return table;
  }
  const std::string sentence = child.receive_text(10000);
  if (kind == Answer::invalid) {
    throw InvalidInput(sentence);
  }
  throw FileError(sentence);
}

/// For the library to find its way: the file may hold millions of chunks.
unsigned seconds_to_open(const Source& source) {
  std::error_code unknown;
  const auto bytes = std::filesystem::file_size(source.path, unknown);
  return seconds_for(unknown ? 0 : static_cast<double>(bytes));
}

std::string reason_of(const files::ChildFault& fault) {
  switch (fault.kind) {
    case files::ChildFault::Kind::crashed:
      return fmt::format("it is damaged, the HDF5 library failed on it ({})", fault.how);
    case files::ChildFault::Kind::stuck:
      return fmt::format("it may be damaged, the HDF5 library came to no end with a part of it ({})", fault.how);
    case files::ChildFault::Kind::surroundings:
      break;
  }
  return fmt::format("the process that reads it did not finish: {}", fault.how);
}

Table read_in_child(const Source& source, const TableOptions& options) {
  files::ChildCall call{hdf5_work.name, seconds_to_open(source), {source.stop, source.doing(), 0}};
  call.patience.silent_seconds = silence_of(call.cpu_seconds);
  Table table;
  const auto fault = files::run_in_child(call, [&](files::Channel& child) {
    child.send_text(source.key);
    child.send_text(source.path);
    child.send_number(source.section ? 1 : 0);
    child.send_text(source.section.value_or(""));
    child.send_text(options.data_set);
    child.send_number(options.external ? 1 : 0);
    child.send_number(options.num_copies);
    table = receive_table(source, options, child);
  });
  if (fault) {
    throw source.file_error(reason_of(*fault));
  }
  return table;
}

}  // namespace

void serve_hdf5_table(files::Channel& parent) {
  Source source;
  source.key = parent.receive_text();
  source.path = parent.receive_text();
  const bool has_section = parent.receive_number() != 0;
  std::string section = parent.receive_text();
  source.section = has_section ? std::optional(std::move(section)) : std::nullopt;
  TableOptions options;
  options.data_set = parent.receive_text();
  options.external = parent.receive_number() != 0;
  options.num_copies = static_cast<int>(parent.receive_number());
  try {
    Allowance allowance(parent);
    const Table table = read_here(source, options, std::ref(allowance));
    allowance(sizeof(double) * static_cast<double>(table.values.size()));
    parent.send_number(static_cast<std::int64_t>(Answer::table));
    parent.send_number(table.values.rows());
    parent.send_number(table.values.cols());
    parent.send(std::as_bytes(std::span(table.values.data(), static_cast<std::size_t>(table.values.size()))));
  } catch (const InvalidInput& error) {
    send_sentence(Answer::invalid, error.what(), parent);
  } catch (const FileError& error) {
    send_sentence(Answer::unreadable, error.what(), parent);
  }
}

/// The library is not safe on damaged files (it follows lengths and addresses that they hold), and a data file has no
/// checksum that we know: a child reads it, where this program can have one.
Table read_hdf5(const Source& source, const TableOptions& options) {
  Table table = files::can_have_children()
                    ? read_in_child(source, options)
                    : read_here(source, options, [&source](double) { source.go_on_unless_stopped(); });
  select_from_all(table, options);
  check_finite(table);
  return table;
}

}  // namespace mfld::tables
