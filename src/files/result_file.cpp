#include "mfld/files/result_file.hpp"

#include <fmt/format.h>

#include <string>
#include <system_error>
#include <utility>

#include "files/posix_file.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/printable.hpp"

namespace mfld {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t num_compared = 1024;  // bytes

/// Throws unless nothing has the name, or a file that may be replaced; a link to one may not.
template <class IsOurs>
void check_free(const fs::path& path, const IsOurs& is_ours) {
  std::error_code error;
  const fs::file_status there = fs::symlink_status(path, error);
  if (there.type() == fs::file_type::not_found || there.type() == fs::file_type::none) {
    return;
  }
  if (fs::is_regular_file(there)) {
    std::string beginning(num_compared, '\0');
    beginning.resize(files::PosixFile::open_for_reading(path).read(beginning));
    if (is_ours(beginning)) {
      return;
    }
  }
  throw InvalidInput(fmt::format("--out {}: is there already, and is nothing that this command wrote and may replace",
                                 printable(path.string(), 200)));
}

template <class Action>
auto naming(const fs::path& path, const Action& action) {
  try {
    return action();
  } catch (const FileError& error) {
    throw FileError(fmt::format("cannot write {}: {}", printable(path.string(), 200), error.what()));
  }
}

}  // namespace

struct ResultFile::Part {
  files::PosixFile file;
  bool is_finished = false;
};

ResultFile::ResultFile(fs::path path, IsOurs is_ours) : path_(std::move(path)), is_ours_(is_ours) {
  check_free(path_, is_ours_);
  part_ = naming(path_, [this] { return std::make_unique<Part>(Part{files::PosixFile::create_beside(path_)}); });
}

ResultFile::~ResultFile() {
  if (!part_->is_finished) {
    std::error_code ignored;
    fs::remove(part_->file.place().name, ignored);
  }
}

const fs::path& ResultFile::temporary() const { return part_->file.place().name; }

void ResultFile::write(std::string_view bytes) {
  naming(path_, [&] { part_->file.append(bytes); });
  beginning_ += bytes.substr(0, num_compared - beginning_.size());
}

void ResultFile::finish() {
  check_free(path_, [this](std::string_view there) { return there == beginning_ || is_ours_(there); });
  naming(path_, [this] {
    part_->file.sync();
    part_->file.rename(path_);
    part_->is_finished = true;
    part_->file.close();
    files::sync_file(path_.has_parent_path() ? path_.parent_path() : fs::path("."));
  });
}

}  // namespace mfld
