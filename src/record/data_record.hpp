#pragma once
#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "mfld/config/value.hpp"
#include "mfld/files/folder.hpp"
#include "mfld/task/dataset.hpp"

namespace mfld::record {

/// The files of `data` as the experiment `config` calls them: path and, where given, what else says which numbers of
/// the file are meant.
std::map<std::string, DataFile> named_files(const Value& config, const std::vector<DataFile>& files);
/// Their names alone; none where the data come from no file.
std::set<std::string> data_names(const Value& config);

/// The comment of an experiment.toml that says which numbers the file of that name had.
std::string numbers_comment(const std::string& name, const DataFile& file);

/// What such comments say.
class NumbersInComments {
 public:
  explicit NumbersInComments(const std::vector<std::string>& comments);
  /// Nothing, or why the file is not the one of that name: both places.
  std::string objection(const std::string& name, const DataFile& file) const;
  bool has(const std::string& name) const { return find(name) != nullptr; }

 private:
  const std::string* find(const std::string& name) const;
  std::set<std::string> comments_;
};

/// The one set of data of all runs of a sweep: what each file held when a run first read it, as the comments of the
/// sweep's experiment.toml say; a sweep of an earlier version begins to say it when it goes on.
class DataRecord {
 public:
  explicit DataRecord(const Folder& sweep);
  /// Throws InvalidInput where a file holds other numbers than the one of its name did; writes down what is new.
  /// FileError; Interrupted. For any thread.
  void check(const std::map<std::string, DataFile>& files, const std::atomic<bool>* stop);

 private:
  void refuse_others(const std::map<std::string, DataFile>& files) const;
  void read();

  const Folder* sweep_;
  std::mutex mutex_;
  NumbersInComments known_;
};

}  // namespace mfld::record
