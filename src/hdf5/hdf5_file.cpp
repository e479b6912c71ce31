#include "mfld/hdf5/hdf5_file.hpp"

#include <fmt/format.h>
#include <hdf5.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <concepts>
#include <cstdio>
#include <functional>
#include <numeric>
#include <string_view>
#include <system_error>
#include <utility>

#include "hdf5/hdf5_driver.hpp"
#include "hdf5/hdf5_library.hpp"
#include "mfld/core/error.hpp"

namespace mfld {

using hdf5::Id;
using hdf5::Library;
using hdf5::library_reason;

namespace {

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

}  // namespace

struct Hdf5File::Handle {
  FilePlace place;
  bool writing;
  hdf5::FileStatus status{};
  Id file{-1, H5Fclose};
  Id links{-1, H5Pclose};  // how links are made: with the groups on the way

  /// `opener` opens or creates the file with the access list it is given.
  template <class Opener>
  void open(const Opener& opener) {
    const Id access(check(H5Pcreate(H5P_FILE_ACCESS), "/"), H5Pclose);
    check(hdf5::use_reporting_driver(access, place.directory, status), "/");
    // The oldest form of everything: every reader knows it, and it does not change with the library.
    check(H5Pset_libver_bounds(access, H5F_LIBVER_EARLIEST, H5F_LIBVER_LATEST), "/");
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
      throw FileError(
          fmt::format("cannot {} {}{}: {}", writing ? "write" : "read", place.path.string(), where, reason));
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

  /// The same bytes for the same content: no time stamps.
  Id data_set_creation(const std::string& name) const {
    Id creation(check(H5Pcreate(H5P_DATASET_CREATE), name), H5Pclose);
    check(H5Pset_obj_track_times(creation, 0), name);
    return creation;
  }

  Id new_data_set(const std::string& name, hid_t type, hid_t space,
                  H5D_alloc_time_t when = H5D_ALLOC_TIME_DEFAULT) const {
    const Id creation = data_set_creation(name);
    check(H5Pset_alloc_time(creation, when), name);
    if (when == H5D_ALLOC_TIME_EARLY) {
      check(H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER), name);
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
                                  writing ? "write" : "read", place.path.string(), name, num_values, first));
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

Hdf5File Hdf5File::create(const FilePlace& place, std::int64_t reserved_bytes) {
  Hdf5File result(std::make_unique<Handle>(Handle{place, true}));
  const Library library;
  Handle& handle = *result.handle_;
  const Id creation(handle.check(H5Pcreate(H5P_FILE_CREATE), "/"), H5Pclose);
  handle.check(H5Pset_userblock(creation, static_cast<hsize_t>(reserved_bytes)), "/");
  ::unlinkat(place.directory, place.name.c_str(), 0);  // of which the creation tells if it fails
  handle.open([&](hid_t access) { return H5Fcreate(place.name.c_str(), H5F_ACC_EXCL, creation, access); });
  return result;
}

Hdf5File Hdf5File::open(const FilePlace& place) {
  Hdf5File result(std::make_unique<Handle>(Handle{place, false}));
  const Library library;
  result.handle_->open([&](hid_t access) { return H5Fopen(place.name.c_str(), H5F_ACC_RDONLY, access); });
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

std::vector<std::string> Hdf5File::data_sets() const {
  std::vector<std::string> links;
  {
    const Library library;
    const auto collect = [](hid_t /*group*/, const char* name, const H5L_info_t* /*link*/, void* names) -> herr_t {
      static_cast<std::vector<std::string>*>(names)->push_back('/' + std::string(name));
      return 0;
    };
    handle_->check(H5Lvisit(handle_->file, H5_INDEX_NAME, H5_ITER_INC, collect, &links), "/");
  }
  std::erase_if(links, [this](const std::string& name) { return !has_data_set(name); });
  return links;
}

Hdf5File::Shape Hdf5File::shape(const std::string& data_set) const {
  const Library library;
  return handle_->shape(handle_->data_set(data_set), data_set);
}

template <class Value>
void Hdf5File::read(const std::string& data_set, std::span<Value> values) const {
  const Library library;
  const Id id = handle_->data_set(data_set);
  const Shape extents = handle_->shape(id, data_set);
  if (std::cmp_not_equal(product(extents), values.size())) {
    throw FileError(fmt::format("cannot read {}, object {}: it has {} values where {} are expected",
                                handle_->place.path.string(), data_set, product(extents), values.size()));
  }
  handle_->check(H5Dread(id, memory_type<Value>(), H5S_ALL, H5S_ALL, H5P_DEFAULT, values.data()), data_set);
}

template <class Value>
void Hdf5File::read_rows(const std::string& data_set, std::int64_t first, std::span<Value> values) const {
  const Library library;
  const Handle::Rows rows = handle_->rows(data_set, first, std::ssize(values));
  handle_->check(H5Dread(rows.data_set, memory_type<Value>(), rows.memory, rows.file, H5P_DEFAULT, values.data()),
                 data_set);
}

std::vector<std::string> Hdf5File::read_texts(const std::string& data_set) const {
  const Library library;
  const Id id = handle_->data_set(data_set);
  const Id type(handle_->check(H5Dget_type(id), data_set), H5Tclose);
  const auto num_texts = static_cast<std::size_t>(product(handle_->shape(id, data_set)));
  const std::size_t width = H5Tget_size(type);
  if (H5Tget_class(type) != H5T_STRING || H5Tis_variable_str(type) != 0 || width > std::size_t{1} << 20 ||
      num_texts > (std::size_t{1} << 30) / width) {
    throw FileError(
        fmt::format("cannot read {}, object {}: it is no list of texts", handle_->place.path.string(), data_set));
  }
  std::vector<char> bytes(width * num_texts);
  handle_->check(H5Dread(id, handle_->text_type(width, data_set), H5S_ALL, H5S_ALL, H5P_DEFAULT, bytes.data()),
                 data_set);
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < num_texts; ++i) {
    const auto begin = bytes.begin() + static_cast<std::ptrdiff_t>(i * width);
    texts.emplace_back(begin, std::find(begin, begin + static_cast<std::ptrdiff_t>(width), '\0'));
  }
  return texts;
}

template <class Value>
Value Hdf5File::read_attribute(const std::string& object, const std::string& attribute) const {
  const Library library;
  const std::string name = fmt::format("{} attribute {}", object, attribute);
  const Id owner = handle_->object(object);
  const Id id(handle_->check(H5Aopen(owner, attribute.c_str(), H5P_DEFAULT), name), H5Aclose);
  const Id space(handle_->check(H5Aget_space(id), name), H5Sclose);
  if (H5Sget_simple_extent_npoints(space) != 1) {
    throw FileError(fmt::format("cannot read {}, object {}: it is not one number", handle_->place.path.string(), name));
  }
  Value value{};
  handle_->check(H5Aread(id, memory_type<Value>(), &value), name);
  return value;
}

void Hdf5File::make_group(const std::string& group) {
  const Library library;
  const Handle& handle = *handle_;
  const Id creation(handle.check(H5Pcreate(H5P_GROUP_CREATE), group), H5Pclose);
  // Makes room for attributes of any length, which the oldest form ends at 64 KiB.
  handle.check(H5Pset_attr_creation_order(creation, H5P_CRT_ORDER_TRACKED), group);
  handle.check(H5Pset_obj_track_times(creation, 0), group);
  const Id id(handle.check(H5Gcreate2(handle.file, group.c_str(), handle.links, creation, H5P_DEFAULT), group),
              H5Gclose);
}

void Hdf5File::link(const std::string& object, const std::string& name) {
  const Library library;
  const Handle& handle = *handle_;
  handle.check(H5Lcreate_hard(handle.file, object.c_str(), handle.file, name.c_str(), handle.links, H5P_DEFAULT), name);
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
  const Id id = handle_->new_data_set(data_set, file_type<Value>(), space, H5D_ALLOC_TIME_EARLY);
}

void Hdf5File::make_growing(const std::vector<Growing>& data_sets) {
  const Library library;
  const Handle& handle = *handle_;
  std::vector<Id> ids;
  for (const Growing& set : data_sets) {
    std::vector<hsize_t> extents = dimensions(set.item);
    extents.insert(extents.begin(), 0);
    std::vector<hsize_t> limits = extents;
    limits.front() = H5S_UNLIMITED;
    const auto rank = static_cast<int>(extents.size());
    const Id space(handle.check(H5Screate_simple(rank, extents.data(), limits.data()), set.name), H5Sclose);
    const Id creation = handle.data_set_creation(set.name);
    handle.check(H5Pset_chunk(creation, rank, dimensions(set.chunk).data()), set.name);
    const hid_t type = set.integers ? file_type<std::int64_t>() : file_type<double>();
    ids.emplace_back(handle.check(H5Dcreate_anon(handle.file, type, space, creation, H5P_DEFAULT), set.name), H5Dclose);
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const std::string& name = data_sets[i].name;
    handle.check(H5Olink(ids[i], handle.file, name.c_str(), handle.links, H5P_DEFAULT), name);
  }
}

template <class Value>
void Hdf5File::write_rows(const std::string& data_set, std::int64_t first, std::span<const Value> values) {
  const Library library;
  const Handle::Rows place = handle_->rows(data_set, first, std::ssize(values));
  handle_->check(H5Dwrite(place.data_set, memory_type<Value>(), place.memory, place.file, H5P_DEFAULT, values.data()),
                 data_set);
}

void Hdf5File::close() {
  const Library library;
  handle_->check(H5Fclose(handle_->file.release()), "/");
}

template void Hdf5File::read(const std::string&, std::span<double>) const;
template void Hdf5File::read(const std::string&, std::span<std::int64_t>) const;
template void Hdf5File::read(const std::string&, std::span<std::uint64_t>) const;
template void Hdf5File::read_rows(const std::string&, std::int64_t, std::span<double>) const;
template void Hdf5File::read_rows(const std::string&, std::int64_t, std::span<std::int64_t>) const;
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
template void Hdf5File::write_rows(const std::string&, std::int64_t, std::span<const double>);
template void Hdf5File::write_rows(const std::string&, std::int64_t, std::span<const std::int64_t>);

}  // namespace mfld
