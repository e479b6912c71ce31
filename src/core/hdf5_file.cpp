#include "mfld/core/hdf5_file.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <pthread.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <concepts>
#include <functional>
#include <mutex>
#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

#include "core/hdf5_driver.hpp"
#include "mfld/core/error.hpp"

namespace mfld {

namespace {

/// The lock, and silence: the library's own error report is off while we are inside it.
class Library {
 public:
  Library() : lock_(mutex()) {
    H5Eget_auto2(H5E_DEFAULT, &report_, &client_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  ~Library() { H5Eset_auto2(H5E_DEFAULT, report_, client_); }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;

 private:
  static std::mutex& mutex() {
    static std::mutex instance;
    // Held over a fork: the child never inherits the lock of a thread it has not, nor a half-done call.
    static const int registered =
        ::pthread_atfork([] { instance.lock(); }, [] { instance.unlock(); }, [] { instance.unlock(); });
    assert(registered == 0);
    return instance;
  }

  std::lock_guard<std::mutex> lock_;
  H5E_auto2_t report_ = nullptr;
  void* client_ = nullptr;
};

/// An identifier of the library and how to give it back.
class Id {
 public:
  using Closer = herr_t (*)(hid_t);

  Id(hid_t id, Closer closer) : id_(id), closer_(closer) {}
  Id(Id&& other) noexcept : id_(std::exchange(other.id_, -1)), closer_(other.closer_) {}
  Id& operator=(Id&& other) noexcept {
    std::swap(id_, other.id_);
    std::swap(closer_, other.closer_);
    return *this;
  }
  ~Id() {
    if (id_ >= 0) {
      closer_(id_);
    }
  }

  operator hid_t() const { return id_; }
  hid_t release() { return std::exchange(id_, -1); }

 private:
  hid_t id_;
  Closer closer_;
};

/// The innermost description of the last failure.
std::string library_reason() {
  std::string reason;
  const auto keep_first = [](unsigned /*number*/, const H5E_error2_t* entry, void* client) -> herr_t {
    auto& text = *static_cast<std::string*>(client);
    if (text.empty() && entry->desc != nullptr) {
      text = entry->desc;
    }
    return 0;
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, keep_first, &reason);
  return reason.empty() ? "the HDF5 library gave no reason" : reason;
}

template <std::same_as<double> Value>
hid_t memory_type() {
  return H5T_NATIVE_DOUBLE;
}
template <std::same_as<std::int64_t> Value>
hid_t memory_type() {
  return H5T_NATIVE_INT64;
}
template <std::same_as<std::uint64_t> Value>
hid_t memory_type() {
  return H5T_NATIVE_UINT64;
}

template <std::same_as<double> Value>
hid_t file_type() {
  return H5T_IEEE_F64LE;
}
template <std::same_as<std::int64_t> Value>
hid_t file_type() {
  return H5T_STD_I64LE;
}
template <std::same_as<std::uint64_t> Value>
hid_t file_type() {
  return H5T_STD_U64LE;
}

std::vector<hsize_t> dimensions(const Hdf5File::Shape& shape) { return {shape.begin(), shape.end()}; }

std::int64_t product(const Hdf5File::Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

/// Texts as the fields of one table, each padded with zeros to the longest.
struct PackedTexts {
  explicit PackedTexts(const std::vector<std::string>& texts) {
    for (const std::string& text : texts) {
      width = std::max(width, text.size());
    }
    bytes.assign(width * texts.size(), '\0');
    for (std::size_t i = 0; i < texts.size(); ++i) {
      std::copy(texts[i].begin(), texts[i].end(), bytes.begin() + static_cast<std::ptrdiff_t>(i * width));
    }
  }
  std::size_t width = 1;
  std::vector<char> bytes;
};

constexpr hsize_t max_chunk_bytes = hsize_t{1} << 20;

}  // namespace

struct Hdf5File::Handle {
  std::filesystem::path path;
  bool writing;
  FileStatus status{};
  Id file{-1, H5Fclose};
  Id links{-1, H5Pclose};  // how links are made: with the groups on the way

  /// `opener` opens or creates the file with the access list it is given.
  template <class Opener>
  void open(const Opener& opener) {
    const Id access(check(H5Pcreate(H5P_FILE_ACCESS), "/"), H5Pclose);
    check(use_reporting_driver(access, status), "/");
    file = Id(check(opener(access), "/"), H5Fclose);
    links = Id(check(H5Pcreate(H5P_LINK_CREATE), "/"), H5Pclose);
    check(H5Pset_create_intermediate_group(links, 1), "/");
  }

  /// `result` where neither the library nor the system reports a failure.
  template <class Result>
  Result check(Result result, std::string_view object) const {
    if (result < 0 || status.error != 0) {
      const std::string reason = status.error != 0 ? std::generic_category().message(status.error) : library_reason();
      const std::string where = object == "/" ? "" : fmt::format(", object {}", object);
      throw FileError(fmt::format("cannot {} {}{}: {}", writing ? "write" : "read", path.string(), where, reason));
    }
    return result;
  }

  Id data_set(const std::string& name) const {
    return {check(H5Dopen2(file, name.c_str(), H5P_DEFAULT), name), H5Dclose};
  }
  Id object(const std::string& name) const { return {check(H5Oopen(file, name.c_str(), H5P_DEFAULT), name), H5Oclose}; }

  Id simple_space(const Shape& shape, const std::string& name) const {
    const auto extents = dimensions(shape);
    const auto rank = static_cast<int>(extents.size());
    return {check(H5Screate_simple(rank, extents.data(), nullptr), name), H5Sclose};
  }

  Id text_type(std::size_t width, const std::string& name) const {
    Id type(check(H5Tcopy(H5T_C_S1), name), H5Tclose);
    check(H5Tset_size(type, width), name);
    check(H5Tset_strpad(type, H5T_STR_NULLPAD), name);
    check(H5Tset_cset(type, H5T_CSET_UTF8), name);
    return type;
  }

  Shape shape(hid_t data_set_id, const std::string& name) const {
    const Id space(check(H5Dget_space(data_set_id), name), H5Sclose);
    const int rank = check(H5Sget_simple_extent_ndims(space), name);
    std::vector<hsize_t> extents(static_cast<std::size_t>(rank));
    check(H5Sget_simple_extent_dims(space, extents.data(), nullptr), name);
    return {extents.begin(), extents.end()};
  }

  bool has_all_chunks(hid_t data_set_id, hid_t creation, const std::string& name) const {
    const Shape extents = shape(data_set_id, name);
    std::vector<hsize_t> chunk(extents.size());
    check(H5Pget_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), name);
    double expected = 1;
    for (std::size_t i = 0; i < chunk.size(); ++i) {
      expected *= std::ceil(static_cast<double>(extents[i]) / static_cast<double>(std::max<hsize_t>(chunk[i], 1)));
    }
    const Id space(check(H5Dget_space(data_set_id), name), H5Sclose);
    hsize_t present = 0;
    check(H5Dget_num_chunks(data_set_id, space, &present), name);
    return static_cast<double>(present) >= expected;
  }

  /// The same bytes for the same content: no time stamps.
  Id new_data_set(const std::string& name, hid_t type, hid_t space, const std::vector<hsize_t>& chunk = {},
                  H5D_alloc_time_t place = H5D_ALLOC_TIME_DEFAULT) const {
    const Id creation(check(H5Pcreate(H5P_DATASET_CREATE), name), H5Pclose);
    check(H5Pset_obj_track_times(creation, 0), name);
    check(H5Pset_alloc_time(creation, place), name);
    if (place == H5D_ALLOC_TIME_EARLY) {
      check(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER), name);
    }
    if (!chunk.empty()) {
      check(H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data()), name);
    }
    return {check(H5Dcreate2(file, name.c_str(), type, space, links, creation, H5P_DEFAULT), name), H5Dclose};
  }

  /// Where one row of a data set is, in the file and in memory.
  struct Rows {
    Id data_set;
    Id file;
    Id memory;
  };

  /// The rows from `first` on that num_values are.
  Rows rows(const std::string& name, std::int64_t first, std::int64_t num_values) const {
    Id id = data_set(name);
    std::vector<hsize_t> count = dimensions(shape(id, name));
    std::vector<hsize_t> start(count.size(), 0);
    const std::int64_t num_rows = count.empty() ? 0 : static_cast<std::int64_t>(std::exchange(count.front(), 1));
    const auto size =
        static_cast<std::int64_t>(std::accumulate(count.begin(), count.end(), hsize_t{1}, std::multiplies<>()));
    const std::int64_t wanted = size == 0 ? 0 : num_values / size;
    if (wanted < 1 || num_values % size != 0 || first < 0 || first > num_rows - wanted) {
      throw FileError(fmt::format("cannot {} {}, object {}: it has no rows of {} values from row {} on",
                                  writing ? "write" : "read", path.string(), name, num_values, first));
    }
    start.front() = static_cast<hsize_t>(first);
    count.front() = static_cast<hsize_t>(wanted);
    Id file_space(check(H5Dget_space(id), name), H5Sclose);
    check(H5Sselect_hyperslab(file_space, H5S_SELECT_SET, start.data(), nullptr, count.data(), nullptr), name);
    return {std::move(id), std::move(file_space), simple_space({num_values}, name)};
  }

  void write_attribute(const std::string& name, const std::string& attribute, std::pair<hid_t, hid_t> file_memory_types,
                       hid_t space, const void* values) const {
    const Id owner = object(name);
    const Id id(
        check(H5Acreate2(owner, attribute.c_str(), file_memory_types.first, space, H5P_DEFAULT, H5P_DEFAULT), name),
        H5Aclose);
    check(H5Awrite(id, file_memory_types.second, values), name);
  }
};

Hdf5File::Hdf5File(std::unique_ptr<Handle> handle) : handle_(std::move(handle)) {}
Hdf5File::Hdf5File(Hdf5File&&) noexcept = default;

Hdf5File& Hdf5File::operator=(Hdf5File&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}

Hdf5File::~Hdf5File() {
  if (handle_) {
    const Library library;
    handle_.reset();
  }
}

Hdf5File Hdf5File::create(const std::filesystem::path& path, std::int64_t reserved_bytes) {
  Hdf5File result(std::make_unique<Handle>(Handle{path, true}));
  const Library library;
  Handle& handle = *result.handle_;
  const Id creation(handle.check(H5Pcreate(H5P_FILE_CREATE), "/"), H5Pclose);
  handle.check(H5Pset_userblock(creation, static_cast<hsize_t>(reserved_bytes)), "/");
  handle.open([&](hid_t access) { return H5Fcreate(path.c_str(), H5F_ACC_TRUNC, creation, access); });
  return result;
}

Hdf5File Hdf5File::open(const std::filesystem::path& path) {
  Hdf5File result(std::make_unique<Handle>(Handle{path, false}));
  const Library library;
  result.handle_->open([&](hid_t access) { return H5Fopen(path.c_str(), H5F_ACC_RDONLY, access); });
  return result;
}

bool Hdf5File::has_data_set(const std::string& data_set) const {
  const Library library;
  const Handle& handle = *handle_;
  // The library can ask for a link only inside a group that exists, for an object only where its link does.
  for (std::size_t end = 0; end != std::string::npos;) {
    end = data_set.find('/', end + 1);
    // Negative where it is looked for inside what is no group.
    if (H5Lexists(handle.file, data_set.substr(0, end).c_str(), H5P_DEFAULT) <= 0) {
      return handle.check(0, data_set) != 0;
    }
  }
  const bool resolves = handle.check(H5Oexists_by_name(handle.file, data_set.c_str(), H5P_DEFAULT), data_set) > 0;
  return resolves && H5Iget_type(handle.object(data_set)) == H5I_DATASET;
}

Hdf5File::Shape Hdf5File::shape(const std::string& data_set) const {
  const Library library;
  return handle_->shape(handle_->data_set(data_set), data_set);
}

void Hdf5File::check_stored(const std::string& data_set) const {
  const Library library;
  const Id id = handle_->data_set(data_set);
  const Id type(handle_->check(H5Dget_type(id), data_set), H5Tclose);
  const Id creation(handle_->check(H5Dget_create_plist(id), data_set), H5Pclose);
  const auto stored = static_cast<double>(H5Dget_storage_size(id));
  double bytes = static_cast<double>(H5Tget_size(type));
  for (const std::int64_t extent : handle_->shape(id, data_set)) {
    bytes *= static_cast<double>(extent);
  }
  if (H5Pget_external_count(creation) > 0) {
    return;
  }
  bool whole = stored >= bytes;
  switch (H5Pget_layout(creation)) {
    case H5D_CHUNKED:  // of any size in the file, for they may be compressed
      whole = handle_->has_all_chunks(id, creation, data_set);
      break;
    case H5D_CONTIGUOUS:
      if (const haddr_t start = H5Dget_offset(id); start != HADDR_UNDEF) {
        std::error_code error;
        const auto end = static_cast<double>(std::filesystem::file_size(handle_->path, error));
        whole = whole && static_cast<double>(start) + bytes <= end;
      }
      break;
    case H5D_COMPACT:
      break;
    case H5D_VIRTUAL:  // a view of other data sets
    case H5D_LAYOUT_ERROR:
    case H5D_NLAYOUTS:
      return;
  }
  if (!whole) {
    throw FileError(
        fmt::format("cannot read {}, object {}: it is damaged, the values that its shape promises are not all "
                    "there",
                    handle_->path.string(), data_set));
  }
}

template <class Value>
void Hdf5File::read(const std::string& data_set, std::span<Value> values) const {
  const Library library;
  const Id id = handle_->data_set(data_set);
  const Shape extents = handle_->shape(id, data_set);
  if (std::cmp_not_equal(product(extents), values.size())) {
    throw FileError(fmt::format("cannot read {}, object {}: it has {} values where {} are expected",
                                handle_->path.string(), data_set, product(extents), values.size()));
  }
  handle_->check(H5Dread(id, memory_type<Value>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), data_set);
}

template <class Value>
Value Hdf5File::read_attribute(const std::string& object, const std::string& attribute) const {
  const Library library;
  const std::string name = fmt::format("{} attribute {}", object, attribute);
  const Id owner = handle_->object(object);
  const Id id(handle_->check(H5Aopen(owner, attribute.c_str(), H5P_DEFAULT), name), H5Aclose);
  const Id space(handle_->check(H5Aget_space(id), name), H5Sclose);
  if (H5Sget_simple_extent_npoints(space) != 1) {
    throw FileError(fmt::format("cannot read {}, object {}: it is not one number", handle_->path.string(), name));
  }
  Value value{};
  handle_->check(H5Aread(id, memory_type<Value>(), &value), name);
  return value;
}

void Hdf5File::make_group(const std::string& group) {
  const Library library;
  const Handle& handle = *handle_;
  const Id id(handle.check(H5Gcreate2(handle.file, group.c_str(), handle.links, H5P_DEFAULT, H5P_DEFAULT), group),
              H5Gclose);
}

template <class Value>
void Hdf5File::write(const std::string& data_set, const Shape& shape, std::span<const Value> values) {
  assert(std::cmp_equal(product(shape), values.size()));
  const Library library;
  const Handle& handle = *handle_;
  const Id id = handle.new_data_set(data_set, file_type<Value>(), handle.simple_space(shape, data_set));
  handle.check(H5Dwrite(id, memory_type<Value>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), data_set);
}

void Hdf5File::write(const std::string& data_set, const std::vector<std::string>& texts) {
  const Library library;
  const Handle& handle = *handle_;
  const PackedTexts packed(texts);
  const Id type = handle.text_type(packed.width, data_set);
  const Id space = handle.simple_space({std::ssize(texts)}, data_set);
  const Id id = handle.new_data_set(data_set, type, space);
  handle.check(H5Dwrite(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, packed.bytes.data()), data_set);
}

template <class Value>
requires std::is_arithmetic_v<Value>
void Hdf5File::write_attribute(const std::string& object, const std::string& attribute, Value value) {
  const Library library;
  const Id space(handle_->check(H5Screate(H5S_SCALAR), object), H5Sclose);
  handle_->write_attribute(object, attribute, {file_type<Value>(), memory_type<Value>()}, space, &value);
}

template <class Value>
requires std::is_arithmetic_v<Value>
void Hdf5File::write_attribute(const std::string& object, const std::string& attribute,
                               const std::vector<Value>& values) {
  const Library library;
  const Id space = handle_->simple_space({std::ssize(values)}, object);
  handle_->write_attribute(object, attribute, {file_type<Value>(), memory_type<Value>()}, space, values.data());
}

void Hdf5File::write_attribute(const std::string& object, const std::string& attribute, const std::string& text) {
  const Library library;
  const PackedTexts packed({text});
  const Id type = handle_->text_type(packed.width, object);
  const Id space(handle_->check(H5Screate(H5S_SCALAR), object), H5Sclose);
  handle_->write_attribute(object, attribute, {type, type}, space, packed.bytes.data());
}

void Hdf5File::write_attribute(const std::string& object, const std::string& attribute,
                               const std::vector<std::string>& texts) {
  const Library library;
  const PackedTexts packed(texts);
  const Id type = handle_->text_type(packed.width, object);
  const Id space = handle_->simple_space({std::ssize(texts)}, object);
  handle_->write_attribute(object, attribute, {type, type}, space, packed.bytes.data());
}

template <class Value>
void Hdf5File::reserve(const std::string& data_set, const Shape& shape) {
  const Library library;
  const Id space = handle_->simple_space(shape, data_set);
  const Id id = handle_->new_data_set(data_set, file_type<Value>(), space, {}, H5D_ALLOC_TIME_EARLY);
}

template <class Value>
void Hdf5File::make_growing(const std::string& data_set, const Shape& shape) {
  const Library library;
  const Handle& handle = *handle_;
  const std::vector<hsize_t> extents = dimensions(shape);
  std::vector<hsize_t> limits = extents;
  limits.front() = H5S_UNLIMITED;
  std::vector<hsize_t> chunk = extents;
  chunk.front() = 1;
  const auto row_bytes = sizeof(Value) * std::accumulate(chunk.begin(), chunk.end(), hsize_t{1}, std::multiplies<>());
  chunk.front() = std::clamp<hsize_t>(65536 / row_bytes, 1, 512);
  if (chunk.size() > 1) {
    const hsize_t parts = (row_bytes + max_chunk_bytes - 1) / max_chunk_bytes;
    chunk[1] = (chunk[1] + parts - 1) / parts;
  }
  const auto rank = static_cast<int>(extents.size());
  const Id space(handle.check(H5Screate_simple(rank, extents.data(), limits.data()), data_set), H5Sclose);
  const Id id = handle.new_data_set(data_set, file_type<Value>(), space, chunk);
}

template <class Value>
void Hdf5File::write_rows(const std::string& data_set, std::int64_t first, std::span<const Value> values) {
  const Library library;
  const Handle::Rows place = handle_->rows(data_set, first, std::ssize(values));
  handle_->check(H5Dwrite(place.data_set, memory_type<Value>(), place.memory, place.file, H5P_DEFAULT, values.data()),
                 data_set);
}

template <class Value>
void Hdf5File::read_rows(const std::string& data_set, std::int64_t first, std::span<Value> values) const {
  const Library library;
  const Handle::Rows place = handle_->rows(data_set, first, std::ssize(values));
  handle_->check(H5Dread(place.data_set, memory_type<Value>(), place.memory, place.file, H5P_DEFAULT, values.data()),
                 data_set);
}

void Hdf5File::copy(const Hdf5File& from, const std::string& object) {
  const Library library;
  from.handle_->check(
      H5Ocopy(from.handle_->file, object.c_str(), handle_->file, object.c_str(), H5P_DEFAULT, handle_->links), object);
  handle_->check(0, object);
}

void Hdf5File::rename(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::rename(handle_->path, path, error);
  if (error) {
    throw FileError(fmt::format("cannot rename {} to {}: {}", handle_->path.string(), path.string(), error.message()));
  }
  handle_->path = path;
}

void Hdf5File::flush() {
  const Library library;
  handle_->check(H5Fflush(handle_->file, H5F_SCOPE_LOCAL), "/");
}

void Hdf5File::close() {
  const Library library;
  handle_->check(H5Fclose(handle_->file.release()), "/");
}

template void Hdf5File::read(const std::string&, std::span<double>) const;
template void Hdf5File::read(const std::string&, std::span<std::int64_t>) const;
template void Hdf5File::read(const std::string&, std::span<std::uint64_t>) const;
template double Hdf5File::read_attribute(const std::string&, const std::string&) const;
template std::int64_t Hdf5File::read_attribute(const std::string&, const std::string&) const;
template std::uint64_t Hdf5File::read_attribute(const std::string&, const std::string&) const;
template void Hdf5File::write(const std::string&, const Shape&, std::span<const double>);
template void Hdf5File::write(const std::string&, const Shape&, std::span<const std::int64_t>);
template void Hdf5File::write(const std::string&, const Shape&, std::span<const std::uint64_t>);
template void Hdf5File::write_attribute(const std::string&, const std::string&, double);
template void Hdf5File::write_attribute(const std::string&, const std::string&, std::int64_t);
template void Hdf5File::write_attribute(const std::string&, const std::string&, std::uint64_t);
template void Hdf5File::write_attribute(const std::string&, const std::string&, const std::vector<double>&);
template void Hdf5File::write_attribute(const std::string&, const std::string&, const std::vector<std::int64_t>&);
template void Hdf5File::reserve<double>(const std::string&, const Shape&);
template void Hdf5File::reserve<std::int64_t>(const std::string&, const Shape&);
template void Hdf5File::make_growing<double>(const std::string&, const Shape&);
template void Hdf5File::make_growing<std::int64_t>(const std::string&, const Shape&);
template void Hdf5File::write_rows(const std::string&, std::int64_t, std::span<const double>);
template void Hdf5File::write_rows(const std::string&, std::int64_t, std::span<const std::int64_t>);
template void Hdf5File::read_rows(const std::string&, std::int64_t, std::span<double>) const;
template void Hdf5File::read_rows(const std::string&, std::int64_t, std::span<std::int64_t>) const;

}  // namespace mfld
