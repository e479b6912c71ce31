#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mfld/runs/extend.hpp"

/// The commands of the program, one file each; sims/mfld.cpp reads what they are asked to do.
namespace commands {

enum ExitStatus { finished = 0, failed_check = 1, wrong_input = 2, diverged = 3, file_error = 4, interrupted = 130 };

struct RunArguments {
  std::string path;                // of the experiment file or the run directory
  std::vector<std::string> paths;  // of the runs to merge
  std::string out;
  std::vector<std::string> settings;
  std::string instruction_set;
  std::optional<std::int64_t> seed;
  std::optional<std::int64_t> at_step;
  mfld::Extension extension;
  int threads = 0;
  int jobs = 0;  // runs of a sweep at a time; 0: by their counted work
  std::string shard;
  double max_wall_seconds = 0;
  bool previous = false;
  bool force = false;
  bool quiet = false;
  bool dry_run = false;
  std::string command;

  mfld::Kept kept() const { return previous ? mfld::Kept::previous : mfld::Kept::last; }
};

/// Of the threads asked for (0: of one for each processor), those that the system allows.
int num_threads(int asked);

/// The commands that take steps, under the limits of the command line: how long, with which instructions and threads.
ExitStatus simulate(const RunArguments& arguments, ExitStatus (*command)(const RunArguments&));
ExitStatus run(const RunArguments& arguments);
ExitStatus resume(const RunArguments& arguments);
ExitStatus branch(const RunArguments& arguments);
ExitStatus merge(const RunArguments& arguments);

struct InfoArguments {
  std::string directory;
  bool json = false;
};

ExitStatus info(const InfoArguments& arguments);

/// Where trajectory.h5 of a run goes for other programs.
struct ExportArguments {
  std::string directory;
  std::string to;           // one of export_formats()
  std::string coordinates;  // a list with commas; empty: all
  std::string out;          // empty: the terminal
};

std::vector<std::string> export_formats();
ExitStatus export_trajectory(const ExportArguments& arguments);

/// What `mfld kernel` computes: between the inputs of two files, or, where `cosines` says so, of unit vectors.
struct KernelArguments {
  std::string path;     // rows of the kernel
  std::string columns;  // its columns; empty: the rows
  std::string target_column = "-1";
  std::vector<std::string> input_columns;
  std::vector<std::string> drop_columns;
  std::int64_t skip_lines = 0;
  std::string header = "auto";
  std::string separator = "auto";
  std::string dataset = "data";
  std::int64_t leading = 0;    // so many eigenvalues of the kernel of the rows in place of it; 0: the kernel
  std::string cosines;         // a list, or the number of evenly spaced angles
  std::int64_t spectrum = -1;  // largest degree of the eigenvalues on the sphere; -1: none
  std::int64_t input_dim = 0;  // of unit vectors; 0: not given
  std::string convention = "two-layer";
  std::string activation = "relu";
  std::optional<int> depth;  // the three for the conventions that have them
  std::optional<double> weight_variance;
  std::optional<double> bias_variance;
  std::string part = "ntk";
  std::string out;
  int threads = 0;
  bool quiet = false;
};

ExitStatus kernel(const KernelArguments& arguments);
/// Its formulas, for --help.
std::string kernel_help();

/// The names of the tables that `list` prints.
std::vector<std::string> list_topics();
/// The names of its rows, or the paths of keys.
std::vector<std::string> names_of_topic(const std::string& topic);

struct ListArguments {
  std::string topic;  // empty: all
  std::string name;   // of a row, or the beginning of keys; empty: all of the topic
  bool json = false;
};

ExitStatus list(const ListArguments& arguments);

/// The names of the examples that `new` writes.
std::vector<std::string> template_names();
/// One of them, or their list for an empty name.
ExitStatus write_template(const std::string& name);

}  // namespace commands
