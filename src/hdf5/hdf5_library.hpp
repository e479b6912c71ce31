#pragma once
#include <hdf5.h>

#include <mutex>
#include <string>
#include <utility>

namespace mfld::hdf5 {

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
inline std::string library_reason() {
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

}  // namespace mfld::hdf5
