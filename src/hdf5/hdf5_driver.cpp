#include "hdf5/hdf5_driver.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>

namespace mfld::hdf5 {

namespace {

/// What travels in the access list.
struct DriverInfo {
  FileStatus* status;
  int directory;
};

/// The library reads and writes the first member; the rest is ours.
struct DriverFile {
  H5FD_t base;
  int descriptor;
  haddr_t end_of_addresses;
  haddr_t end_of_file;
  FileStatus* status;
};

DriverFile& ours(H5FD_t* file) { return *reinterpret_cast<DriverFile*>(file); }
const DriverFile& ours(const H5FD_t* file) { return *reinterpret_cast<const DriverFile*>(file); }

void note(FileStatus& status, int error) {
  if (status.error == 0) {
    status.error = error;
  }
}

int posix_flags(unsigned flags) {
  int result = O_CLOEXEC | ((flags & H5F_ACC_RDWR) != 0 ? O_RDWR : O_RDONLY);
  result |= (flags & H5F_ACC_CREAT) != 0 ? O_CREAT : 0;
  result |= (flags & H5F_ACC_TRUNC) != 0 ? O_TRUNC : 0;
  result |= (flags & H5F_ACC_EXCL) != 0 ? O_EXCL | O_NOFOLLOW : 0;
  return result;
}

H5FD_t* open_file(const char* name, unsigned flags, hid_t access_list, haddr_t /*max_address*/) {
  const auto* info = static_cast<const DriverInfo*>(H5Pget_driver_info(access_list));
  if (info == nullptr) {
    return nullptr;
  }
  const int descriptor = ::openat(info->directory, name, posix_flags(flags), 0666);
  struct stat attributes {};
  if (descriptor < 0 || ::fstat(descriptor, &attributes) != 0) {
    note(*info->status, errno);
    if (descriptor >= 0) {
      ::close(descriptor);
    }
    return nullptr;
  }
  auto file = std::make_unique<DriverFile>();
  file->descriptor = descriptor;
  file->end_of_file = static_cast<haddr_t>(attributes.st_size);
  file->status = info->status;
  return &file.release()->base;
}

herr_t close_file(H5FD_t* file) {
  const std::unique_ptr<DriverFile> owned(&ours(file));
  if (::close(owned->descriptor) != 0) {
    note(*owned->status, errno);
  }
  return 0;
}

/// Without H5FD_FEAT_DATA_SIEVE: what is written to a data set goes to the file before what refers to it.
herr_t query(const H5FD_t* /*file*/, unsigned long* flags) {
  *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_AGGREGATE_SMALLDATA |
           H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
  return 0;
}

haddr_t get_end_of_addresses(const H5FD_t* file, H5FD_mem_t /*type*/) { return ours(file).end_of_addresses; }

herr_t set_end_of_addresses(H5FD_t* file, H5FD_mem_t /*type*/, haddr_t address) {
  ours(file).end_of_addresses = address;
  return 0;
}

haddr_t get_end_of_file(const H5FD_t* file, H5FD_mem_t /*type*/) { return ours(file).end_of_file; }

/// What lies behind the end of the file reads as zeros: the library expects it.
herr_t read_bytes(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*list*/, haddr_t address, size_t size, void* buffer) {
  const DriverFile& self = ours(file);
  auto* bytes = static_cast<char*>(buffer);
  while (size > 0) {
    const ssize_t count = ::pread(self.descriptor, bytes, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count < 0) {
      note(*self.status, errno);
      return -1;
    }
    if (count == 0) {
      std::memset(bytes, 0, size);
      return 0;
    }
    bytes += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<size_t>(count);
  }
  return 0;
}

herr_t write_bytes(H5FD_t* file, H5FD_mem_t /*type*/, hid_t /*list*/, haddr_t address, size_t size,
                   const void* buffer) {
  DriverFile& self = ours(file);
  const auto* bytes = static_cast<const char*>(buffer);
  while (size > 0 && self.status->error == 0) {
    const ssize_t count = ::pwrite(self.descriptor, bytes, size, static_cast<off_t>(address));
    if (count < 0 && errno == EINTR) {
      continue;
    }
    if (count <= 0) {
      note(*self.status, count < 0 ? errno : ENOSPC);
      break;
    }
    bytes += count;
    address += static_cast<haddr_t>(count);
    size -= static_cast<size_t>(count);
  }
  self.end_of_file = std::max(self.end_of_file, address + size);
  return 0;
}

herr_t truncate(H5FD_t* file, hid_t /*list*/, hbool_t /*closing*/) {
  DriverFile& self = ours(file);
  if (self.end_of_addresses == self.end_of_file) {
    return 0;
  }
  if (self.status->error == 0 && ::ftruncate(self.descriptor, static_cast<off_t>(self.end_of_addresses)) != 0) {
    note(*self.status, errno);
  }
  self.end_of_file = self.end_of_addresses;
  return 0;
}

H5FD_class_t driver_class() {
  H5FD_class_t result{};
#ifdef H5FD_CLASS_VERSION
  result.version = H5FD_CLASS_VERSION;
  result.value = static_cast<H5FD_class_value_t>(H5_VFD_RESERVED + 77);  // of the range left to outside drivers
#endif
  constexpr H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
  std::copy(std::begin(map), std::end(map), std::begin(result.fl_map));
  result.name = "mfld";
  result.maxaddr = static_cast<haddr_t>(std::numeric_limits<off_t>::max());
  result.fc_degree = H5F_CLOSE_STRONG;
  result.fapl_size = sizeof(DriverInfo);
  result.open = open_file;
  result.close = close_file;
  result.query = query;
  result.get_eoa = get_end_of_addresses;
  result.set_eoa = set_end_of_addresses;
  result.get_eof = get_end_of_file;
  result.read = read_bytes;
  result.write = write_bytes;
  result.truncate = truncate;
  return result;
}

}  // namespace

herr_t use_reporting_driver(hid_t access_list, int directory, FileStatus& status) {
  static const H5FD_class_t description = driver_class();
  static const hid_t driver = H5FDregister(&description);
  const DriverInfo info{&status, directory};
  return driver < 0 ? -1 : H5Pset_driver(access_list, driver, &info);
}

}  // namespace mfld::hdf5
