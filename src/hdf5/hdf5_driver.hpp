#pragma once
#include <hdf5.h>

namespace mfld::hdf5 {

/// What the system has said so far about one open file.
struct FileStatus {
  int error = 0;  // errno of the first call that failed, 0 while all is well
};

/// Makes files opened through `access_list` use plain POSIX calls that report to `status`, which must outlive them.
/// Their names start at the open `directory`, or AT_FDCWD.
/// After the first failed write nothing more reaches the file, and the library is told that all went well: its own
/// clean-up after a full disk leaves objects open and crashes at exit. Whoever writes must look at `status` after each
/// call. The library writes data before the metadata that refer to them, so that a file cut off this way still holds
/// what it held at the last flush. Takes no file lock: not every file system has them.
/// Returns a negative number where the library refuses. The caller holds the lock of the library.
herr_t use_reporting_driver(hid_t access_list, int directory, FileStatus& status);

}  // namespace mfld::hdf5
