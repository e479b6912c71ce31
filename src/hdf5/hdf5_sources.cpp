#include "hdf5/hdf5_sources.hpp"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

namespace mfld::hdf5 {

namespace {

namespace fs = std::filesystem;

constexpr int most_links = 32;

std::string_view kind_of(fs::file_type type) {
  const bool is_device = type == fs::file_type::character || type == fs::file_type::block;
  return type == fs::file_type::directory ? "a folder"
         : is_device                      ? "a device"
         : type == fs::file_type::fifo    ? "a pipe"
                                          : "no regular file";
}

std::shared_ptr<SourceFile> open_file(const fs::path& path) {
  auto file = std::make_shared<SourceFile>();
  file->path = path;
  const Id access(file->check(H5Pcreate(H5P_FILE_ACCESS)), H5Pclose);
  file->check(use_reporting_driver(access, AT_FDCWD, file->status));
  file->id = Id(file->check(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access)), H5Fclose);
  return file;
}

Id root_of(const SourceFile& file) { return {file.check(H5Oopen(file.id, "/", H5P_DEFAULT)), H5Oclose}; }

/// The parts of a path in a file before those that are still to come, which stand in reverse order.
void put_before(std::vector<std::string>& rest, std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; start <= path.size();) {
    const std::size_t end = std::min(path.find('/', start), path.size());
    if (const std::string_view part = path.substr(start, end - start); !part.empty() && part != ".") {
      parts.emplace_back(part);
    }
    start = end + 1;
  }
  rest.insert(rest.end(), parts.rbegin(), parts.rend());
}

/// Where an external link leads: a file, and a path in it.
std::pair<std::string, std::string> unpack(const SourceFile& file, const std::string& link) {
  unsigned flags = 0;
  const char* name = nullptr;
  const char* path = nullptr;
  file.check(H5Lunpack_elink_val(link.data(), link.size(), &flags, &name, &path));
  return {name, path};
}

}  // namespace

void SourceFile::fail() const {
  throw Unreadable(status.error != 0 ? std::generic_category().message(status.error) : library_reason());
}

Sources::Sources(const fs::path& path, bool outside) : outside_(outside) {
  std::error_code error;
  const fs::path whole = fs::absolute(path);
  const fs::file_status status = fs::status(whole, error);
  if (!fs::exists(status)) {
    throw Unreadable(error ? error.message() : std::generic_category().message(ENOENT));
  }
  if (!fs::is_regular_file(status)) {
    throw Unreadable(fmt::format("it is {}", kind_of(status.type())));
  }
  folders_.push_back(fs::canonical(whole.parent_path(), error));
  if (const fs::path real = fs::canonical(whole, error); !error) {
    folders_.push_back(real.parent_path());
  }
  first_ = open_file(whole);
}

bool Sources::is_within(const fs::path& path) const {
  return std::any_of(folders_.begin(), folders_.end(), [&path](const fs::path& folder) {
    return !folder.empty() &&
           std::mismatch(folder.begin(), folder.end(), path.begin(), path.end()).first == folder.end();
  });
}

fs::path Sources::folder_of(const SourceFile& from, const std::string& name) {
  std::error_code error;
  fs::path beside = from.path.parent_path();
  fs::path beside_real_file = fs::canonical(from.path, error).parent_path();
  return !fs::exists(beside / name, error) && fs::exists(beside_real_file / name, error) ? beside_real_file : beside;
}

fs::path Sources::resolve(const SourceFile& from, const std::string& name) const {
  if (name == ".") {
    return from.path;
  }
  std::error_code error;
  fs::path path = folder_of(from, name) / name;
  const fs::path real = fs::weakly_canonical(path, error);
  if (!outside_ && (error || !is_within(real))) {
    throw Outside(fmt::format("it takes numbers from another file, \"{}\", which is not in its folder", name));
  }
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    throw Unreadable(fmt::format("it takes numbers from another file, \"{}\", which is not there", name));
  }
  if (!fs::is_regular_file(status)) {
    throw Unreadable(
        fmt::format("it takes numbers from another file, \"{}\", which is {}", name, kind_of(status.type())));
  }
  return path;
}

std::shared_ptr<SourceFile> Sources::open(const SourceFile& from, const std::string& name) const {
  try {
    return open_file(resolve(from, name));
  } catch (const Unreadable& error) {
    const std::string reason = error.what();
    throw Unreadable(
        reason.find(name) != std::string::npos
            ? reason
            : fmt::format("it takes numbers from another file, \"{}\", which cannot be read: {}", name, reason));
  }
}

/// Group by group: the time that it takes grows with the depth, and not with its square.
Place Sources::locate(std::shared_ptr<SourceFile> file, const std::string& path) const {
  std::vector<std::string> rest;
  put_before(rest, path);
  Id group = root_of(*file);
  std::string followed;
  for (int links = 0; !rest.empty();) {
    const std::string name = std::move(rest.back());
    rest.pop_back();
    // Negative where it is looked for inside what is no group.
    if (H5Lexists(group, name.c_str(), H5P_DEFAULT) <= 0) {
      file->check(0);
      if (!followed.empty()) {
        throw Unreadable(followed + ", which is not there");
      }
      return {};
    }
    H5L_info_t info;
    file->check(H5Lget_info(group, name.c_str(), &info, H5P_DEFAULT));
    if (info.type == H5L_TYPE_HARD) {
      if (rest.empty()) {
        return {std::move(file), std::move(group), name, std::move(followed)};
      }
      group = Id(file->check(H5Oopen(group, name.c_str(), H5P_DEFAULT)), H5Oclose);
      continue;
    }
    if (++links > most_links) {
      throw Refused("its links lead from one to another without an end");
    }
    std::string link(info.u.val_size, '\0');
    file->check(H5Lget_val(group, name.c_str(), link.data(), link.size(), H5P_DEFAULT));
    if (info.type == H5L_TYPE_SOFT) {
      followed = fmt::format("its \"{}\" is a link to \"{}\"", name, link.c_str());
      group = link.starts_with('/') ? root_of(*file) : std::move(group);
      put_before(rest, link.c_str());
    } else if (info.type == H5L_TYPE_EXTERNAL) {
      const auto [other, path_there] = unpack(*file, link);
      followed = fmt::format("its \"{}\" is a link to \"{}\" of another file, \"{}\"", name, path_there, other);
      group = Id(-1, H5Oclose);  // before its file
      file = open(*file, other);
      group = root_of(*file);
      put_before(rest, path_there);
    } else {
      throw Refused("it holds a link of a kind that the HDF5 library does not define");
    }
  }
  return {};
}

}  // namespace mfld::hdf5
