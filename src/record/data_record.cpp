#include "record/data_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "core/comments.hpp"
#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"

namespace mfld::record {

namespace {

constexpr std::size_t num_digits = 16;
constexpr std::string_view place_start = " in ";

/// How the comment of a file begins. No name begins another with what follows it: the path is in quotes.
std::string start_of(const std::string& name) { return fmt::format("numbers of {}: ", name); }

std::string digits_of(const DataFile& file) { return fmt::format("{:016x}", file.checksum); }

std::string name_of(const Value& config, const std::string& key) {
  const Value* path = find(config, key);
  const auto* text = path == nullptr ? nullptr : path->as<std::string>();
  if (text == nullptr || text->empty()) {
    return {};
  }
  std::string name = to_toml_inline(*path);
  const bool is_whole = find(config, "task.input_columns") == nullptr;
  for (const char* other :
       {"dataset", "skip_lines", "header", "separator", "drop_columns", "input_columns", "target_column"}) {
    const Value* value = find(config, fmt::format("task.{}", other));
    if (value != nullptr && !(is_whole && other == std::string_view("target_column"))) {
      name += fmt::format(", {} = {}", other, to_toml_inline(*value));  // each chooses the numbers
    }
  }
  return name;
}

/// Behind the last comment that a file opens with, in front of the empty lines after it.
std::size_t end_of_comments(const std::string& file) {
  const std::string_view start = std::string_view(file).substr(0, file.size() - behind_comments(file).size());
  const std::size_t last = start.find_last_not_of(" \t\r\n");
  return last == start.npos ? 0 : std::min(start.find('\n', last), start.size() - 1) + 1;
}

std::vector<std::string> comments_of(const Folder& sweep) {
  const FilePlace file = sweep.place() / "experiment.toml";
  return files::exists(file) ? comments_in(files::read_text(file)) : std::vector<std::string>();
}

}  // namespace

std::map<std::string, DataFile> named_files(const Value& config, const std::vector<DataFile>& files) {
  std::map<std::string, DataFile> named;
  for (const DataFile& file : files) {
    if (std::string name = name_of(config, file.key); !name.empty()) {
      named.emplace(std::move(name), file);
    }
  }
  return named;
}

std::set<std::string> data_names(const Value& config) {
  std::set<std::string> names;
  const Value* kind = find(config, "task.kind");
  const auto* text = kind == nullptr ? nullptr : kind->as<std::string>();
  if (text != nullptr && *text == "file") {
    for (const char* key : {"task.path", "task.test_path"}) {
      if (std::string name = name_of(config, key); !name.empty()) {
        names.insert(std::move(name));
      }
    }
  }
  return names;
}

std::string numbers_comment(const std::string& name, const DataFile& file) {
  return comment_line(start_of(name) + digits_of(file) + std::string(place_start) + file.path);
}

NumbersInComments::NumbersInComments(const std::vector<std::string>& comments)
    : comments_(comments.begin(), comments.end()) {}

const std::string* NumbersInComments::find(const std::string& name) const {
  const std::string start = start_of(name);
  const auto found = comments_.lower_bound(start);
  const bool is_it = found != comments_.end() && found->starts_with(start) &&
                     found->size() >= start.size() + num_digits + place_start.size();
  return is_it ? &*found : nullptr;
}

std::string NumbersInComments::objection(const std::string& name, const DataFile& file) const {
  const std::string* comment = find(name);
  const std::size_t start = start_of(name).size();
  if (comment == nullptr || comment->compare(start, num_digits, digits_of(file)) == 0) {
    return {};
  }
  const std::string then = comment->substr(start + num_digits + place_start.size());
  return fmt::format("{} = {}: {} does not hold the numbers that {} held at the beginning", file.key,
                     printable(name, 60), printable(file.path, 100), then == file.path ? "it" : printable(then, 100));
}

DataRecord::DataRecord(const Folder& sweep) : sweep_(&sweep), known_(comments_of(sweep)) {}

void DataRecord::read() { known_ = NumbersInComments(comments_of(*sweep_)); }

void DataRecord::refuse_others(const std::map<std::string, DataFile>& files) const {
  for (const auto& [name, file] : files) {
    if (const std::string why = known_.objection(name, file); !why.empty()) {
      throw InvalidInput(
          fmt::format("{}; all runs of a sweep have the same data: give it those, or begin another", why));
    }
  }
}

void DataRecord::check(const std::map<std::string, DataFile>& files, const std::atomic<bool>* stop) {
  const std::lock_guard<std::mutex> guard(mutex_);
  refuse_others(files);
  const auto is_known = [this](const auto& entry) { return known_.has(entry.first); };
  if (std::all_of(files.begin(), files.end(), is_known)) {
    return;
  }
  const Folder locked = sweep_->again();  // which another shard may hold
  locked.lock(stop);
  read();
  refuse_others(files);
  const FilePlace place = sweep_->place() / "experiment.toml";
  std::string text = files::exists(place) ? files::read_text(place) : "";
  std::string lines;
  for (const auto& [name, file] : files) {
    lines += known_.has(name) ? "" : numbers_comment(name, file);
  }
  if (!lines.empty() && !text.empty()) {
    text.insert(end_of_comments(text), lines);
    files::replace_file(sweep_->place() / "experiment.new.toml", place, text);
    read();
  }
}

}  // namespace mfld::record
