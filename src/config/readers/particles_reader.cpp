#include <fmt/format.h>

#include <algorithm>
#include <boost/random/uniform_int_distribution.hpp>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <utility>

#include "config/readers/readers.hpp"
#include "mfld/core/random.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/tables/input_file.hpp"

namespace mfld::readers {

namespace {

constexpr std::string_view array_key = "particles";
constexpr std::string_view file_key = "from";

/// The table of particles in a file, or in the last checkpoint of a run.
Inputs particles_in(const Section& init, const std::string& text, const Surroundings& surroundings) {
  std::filesystem::path path = surroundings.folder / user_path(text);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) {
    path /= "checkpoint.h5";
    init.check(std::filesystem::exists(path, error), file_key,
               fmt::format("is a directory without a checkpoint.h5: no run that has come to its first checkpoint"));
  }
  InputFileOptions options;
  options.name = "network.init.from";
  options.path = path.string();
  options.columns.target.reset();
  options.dataset = "particles";
  options.stop = surroundings.stop;
  return read_inputs(options).inputs;
}

/// Each of `count` rows as often as any other, or once more: the latter are drawn.                    [wanted],
/// ascending
std::vector<Index> resampled_rows(Index count, Index wanted, std::uint64_t seed) {
  std::vector<Index> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), Index{0});
  RandomStream stream(seed, Purpose::initialisation, 0);
  const Index num_drawn = wanted % count;
  for (Index k = 0; k < num_drawn; ++k) {
    const Index other = boost::random::uniform_int_distribution<Index>(k, count - 1)(stream);
    std::swap(order[static_cast<std::size_t>(k)], order[static_cast<std::size_t>(other)]);
  }
  std::vector<Index> rows(order.begin(), order.begin() + num_drawn);
  for (Index k = 0; k < wanted / count * count; ++k) {
    rows.push_back(k % count);
  }
  std::sort(rows.begin(), rows.end());
  return rows;
}

}  // namespace

GivenParticles read_particles(const Section& root) {
  Section init = root.table("network.init");
  GivenParticles given;
  if (init.reads(array_key, init.has(array_key), "arrays")) {
    given.array = init.text(
        array_key, "an array of the program that uses the library, [width x p], in place of the laws", {"", "none"});
  }
  if (init.reads(file_key, init.has(file_key), "a file in place of the laws")) {
    given.file =
        init.text(file_key,
                  "particles in place of the laws: a table [M x p], .npy, .csv or /particles of an .h5, or a run's "
                  "directory, whose last checkpoint it is; M other than width: each as often as any other or once "
                  "more, drawn from seeds.initialisation",
                  {"", "none"});
  }
  init.check(given.array.empty() || given.file.empty(), file_key,
             "must be left out where network.init.particles is given");
  for (const std::string_view key : {"input_law", "input_std", "bias_std", "output_law", "output_std", "symmetric"}) {
    init.check(
        given.empty() || !init.has(key), key,
        fmt::format("must be left out where network.init.{} is given", given.file.empty() ? array_key : file_key));
  }
  return given;
}

Particles<double> given_particles(const Section& init, const GivenParticles& given, const NetworkOptions& options,
                                  const ParameterLayout& layout, const Surroundings& surroundings, std::uint64_t seed,
                                  std::string& note) {
  const bool is_array = given.file.empty();
  const std::string_view name = is_array ? array_key : file_key;
  Inputs table;
  if (is_array) {
    const Inputs* array = surroundings.arrays == nullptr ? nullptr : surroundings.arrays->find(given.array);
    init.check(array != nullptr, name, std::string(no_given_array));
    table = *array;
  } else {
    table = particles_in(init, given.file, surroundings);
  }
  const auto check = [&](bool condition, const std::string& reason) {
    is_array ? init.check(condition, name, reason) : init.check_data(condition, name, reason);
  };
  check((!is_array || table.rows() == options.width) && table.cols() == layout.size,
        fmt::format("must have {}{} columns{}{}{}, and has {} x {} numbers",
                    is_array ? fmt::format("network.width = {} rows and ", options.width) : "", layout.size,
                    layout.output >= 0 ? ", r first" : "", layout.size > 1 ? ", w" : "",
                    layout.bias >= 0 ? ", b last" : "", table.rows(), table.cols()));
  const NeuronInfo& row = info(options.neuron.kind);
  check(!row.has_output || row.output_trainable || (table.col(layout.output).array().abs() == 1).all(),
        fmt::format("must have -1 or +1 in column {}, the r of the neuron {}", layout.output, row.name));
  if (table.rows() == options.width) {
    return table;
  }
  note = fmt::format("{} of {}, each as often as any other or once more", options.width, table.rows());
  return table(resampled_rows(table.rows(), options.width, seed), Eigen::all);
}

void check_start(const Section& root, const Experiment& experiment) {
  const auto moves = [](const Phase& phase) { return phase.num_steps > 0; };
  const auto first = std::find_if(experiment.phases.begin(), experiment.phases.end(), moves);
  if (first == experiment.phases.end() || first->step_rule != StepKind::ball) {
    return;
  }
  const std::vector<unsigned char>& moved = first->moved_of(experiment.network().trained());
  const RowRange rows = experiment.rows;
  Vector squares = Vector::Zero(rows.count());
  for (Index column = 0; column < experiment.initial.cols(); ++column) {
    if (moved[static_cast<std::size_t>(column)] != 0) {
      squares += experiment.initial.col(column).segment(rows.first, rows.count()).cwiseAbs2();
    }
  }
  Index farthest = 0;
  const double distance = std::sqrt(squares.maxCoeff(&farthest));
  root.check(distance < first->radius, fmt::format("phase.{}.radius", first - experiment.phases.begin()),
             fmt::format("must be above {:.6g}, the distance from 0 of particle {}, which the run begins with",
                         distance, rows.first + farthest));
}

}  // namespace mfld::readers
