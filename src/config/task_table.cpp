#include "mfld/config/task_table.hpp"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <memory>
#include <numbers>

#include "config/memory.hpp"
#include "mfld/core/error.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/task/file_dataset.hpp"
#include "mfld/task/harmonics.hpp"
#include "mfld/task/index_model.hpp"
#include "mfld/task/mixture.hpp"
#include "mfld/task/sparse_parity.hpp"
#include "mfld/task/teacher_student.hpp"

namespace mfld {

namespace {

constexpr std::array<Named<InputLaw>, 2> input_laws = {
    {{"gaussian", InputLaw::gaussian}, {"sphere", InputLaw::sphere}}};
constexpr std::array<Named<bool>, 2> index_inputs = {{{"gaussian", false}, {"cube", true}}};
constexpr std::array<Named<CubeScale>, 2> cube_scales = {
    {{"unit", CubeScale::unit}, {"inverse-sqrt-dim", CubeScale::inverse_sqrt_dim}}};
constexpr std::array<Named<Header>, 3> headers = {
    {{"auto", Header::automatic}, {"yes", Header::yes}, {"no", Header::no}}};
constexpr std::array<Named<LabelNoise>, 3> label_noises = {
    {{"none", LabelNoise::none}, {"uniform", LabelNoise::uniform}, {"gaussian", LabelNoise::gaussian}}};
constexpr std::array<Named<IndexLink>, 6> single_links = {{{"relu", IndexLink::relu},
                                                           {"tanh", IndexLink::tanh},
                                                           {"erf", IndexLink::erf},
                                                           {"hermite2", IndexLink::hermite2},
                                                           {"hermite3", IndexLink::hermite3},
                                                           {"bump", IndexLink::bump}}};
constexpr std::array<Named<IndexLink>, 2> multi_links = {
    {{"product", IndexLink::product}, {"staircase", IndexLink::staircase}}};

template <class Options>
void read_sizes(Section& section, Options& options) {
  options.input_dim = section.integer("input_dim", "d, dimension of the inputs", options.input_dim, {1});
  options.num_train = section.integer("num_train", "n, number of training samples", options.num_train, {1});
  options.num_test = section.integer("num_test", "number of fresh test samples", options.num_test, {0});
  const auto input_dim = static_cast<double>(options.input_dim);
  const auto num_samples = static_cast<double>(options.num_train) + static_cast<double>(options.num_test);
  check_memory(section, num_samples >= input_dim ? "num_train" : "input_dim", 2 * num_samples * input_dim,
               "the inputs");
}

template <class Options>
void read_label_noise(Section& section, Options& options) {
  options.label_noise = pick(section, "label_noise", "law of the noise on the training labels", "none", label_noises);
  if (section.reads("noise_level", options.label_noise != LabelNoise::none,
                    "task.label_noise = \"uniform\" or \"gaussian\"")) {
    options.noise_level = section.number("noise_level", "half width (uniform) or standard deviation (gaussian)",
                                         required, NumberRule::non_negative);
  }
}

/// Rows of the directions, given outright or as angles in the plane; none: the task chooses orthonormal ones.
Matrix read_directions(Section& section, Index input_dim) {
  const auto rows = section.rows("directions", "teacher directions w_l as rows; []: orthonormal");
  const auto angles = section.numbers("angles", "directions in the plane instead, in degrees (input_dim = 2)");
  section.check(rows.empty() || angles.empty(), "angles", "must be left out where task.directions is given");
  section.check(angles.empty() || input_dim == 2, "angles", fmt::format("needs task.input_dim = 2, not {}", input_dim));
  Matrix directions(rows.size() + angles.size(), rows.empty() ? input_dim : std::ssize(rows[0]));
  for (std::size_t l = 0; l < rows.size(); ++l) {
    section.check(!rows[l].empty(), "directions", fmt::format("row {} must not be empty", l + 1));
    section.check(rows[l].size() == rows[0].size(), "directions",
                  fmt::format("row {} has {} numbers, and row 1 has {}", l + 1, rows[l].size(), rows[0].size()));
    directions.row(l) = Eigen::Map<const Vector>(rows[l].data(), directions.cols());
  }
  for (std::size_t l = 0; l < angles.size(); ++l) {
    const double radians = angles[l] * std::numbers::pi / 180;
    directions.row(l) << std::cos(radians), std::sin(radians);
  }
  return directions;
}

MakeDataset read_teacher_student(Section& section, const Surroundings&) {
  TeacherStudentOptions options;
  read_sizes(section, options);
  options.directions = read_directions(section, options.input_dim);
  const Index num_given = options.directions.rows();
  options.num_teachers = section.integer("num_teachers", "m, number of teacher neurons",
                                         {num_given > 0 ? num_given : options.num_teachers}, {1});
  const auto amplitudes = section.numbers("amplitudes", "teacher amplitudes a_l; []: all 1");
  options.amplitudes = Eigen::Map<const Vector>(amplitudes.data(), std::ssize(amplitudes));
  options.rotate = section.flag("rotate", "turn the directions by a random rotation", options.rotate);
  options.activation = activations[section.choice("activation", "sigma of the teacher",
                                                  std::string(info(options.activation).name), names_of(activations))]
                           .kind;
  options.input_law =
      pick(section, "inputs", "law of the inputs: N(0, I), or uniform on a sphere", "gaussian", input_laws);
  if (section.reads("input_norm", options.input_law == InputLaw::sphere, "task.inputs = \"sphere\"")) {
    options.input_norm = section.number("input_norm", "radius of the sphere", options.input_norm, NumberRule::positive);
  }
  read_label_noise(section, options);
  return [options](std::uint64_t seed) { return make_teacher_student(options, seed); };
}

MakeDataset read_sparse_parity(Section& section, const Surroundings&) {
  SparseParityOptions options;
  read_sizes(section, options);
  options.sparsity = section.integer("sparsity", "k, number of coordinates in the parity", options.sparsity, {1});
  options.entries = pick(section, "entries", "input entries +-1, or +-1/sqrt(d)", "inverse-sqrt-dim", cube_scales);
  options.rotate = section.flag("rotate", "turn the inputs by a random rotation", options.rotate);
  return [options](std::uint64_t seed) { return make_sparse_parity(options, seed); };
}

template <std::size_t num_links>
MakeDataset read_index_model(Section& section, const std::array<Named<IndexLink>, num_links>& links) {
  IndexModelOptions options;
  read_sizes(section, options);
  options.link = pick(section, "link", "what the labels are as a function of the first coordinates",
                      std::string(links[0].name), links);
  options.cube_inputs =
      pick(section, "inputs", "law of the inputs: N(0, I), or uniform on {-1, +1}^d", "gaussian", index_inputs);
  options.rotate = section.flag("rotate", "turn the inputs by a random rotation", options.rotate);
  read_label_noise(section, options);
  return [options](std::uint64_t seed) { return make_index_model(options, seed); };
}

MakeDataset read_single_index(Section& section, const Surroundings&) { return read_index_model(section, single_links); }

MakeDataset read_multi_index(Section& section, const Surroundings&) { return read_index_model(section, multi_links); }

MakeDataset read_harmonics(Section& section, const Surroundings&) {
  HarmonicsOptions options;
  read_sizes(section, options);
  const auto degrees = section.integers("degrees", "degrees k of the harmonics in the target",
                                        std::vector<std::int64_t>(options.degrees.begin(), options.degrees.end()),
                                        {0, largest_harmonic_degree});
  options.degrees.assign(degrees.begin(), degrees.end());
  const auto amplitudes = section.numbers("amplitudes", "a_k, one a degree; []: all 1");
  options.amplitudes = Eigen::Map<const Vector>(amplitudes.data(), std::ssize(amplitudes));
  options.rotate = section.flag("rotate", "turn the inputs by a random rotation", options.rotate);
  read_label_noise(section, options);
  return [options](std::uint64_t seed) { return make_harmonics(options, seed); };
}

MakeDataset read_mixture(Section& section, const Surroundings&) {
  MixtureOptions options;
  options.centres = section.matrix("centres", "the centres as rows");
  options.std = section.number("std", "standard deviation about a centre; 0: the centres themselves", options.std,
                               NumberRule::non_negative);
  options.num_train =
      section.integer("num_train", "n, number of points", {options.centres.rows(), "the number of centres"}, {1});
  options.num_test = section.integer("num_test", "number of further points", options.num_test, {0});
  const auto num_points = static_cast<double>(options.num_train) + static_cast<double>(options.num_test);
  check_memory(section, "num_train", 2 * num_points * static_cast<double>(options.centres.cols()), "the points");
  return [options](std::uint64_t seed) { return make_mixture(options, seed); };
}

/// The resolved experiment keeps the path as it is written: a run stays what it is where its data are moved.
std::string read_path(Section& section, std::string_view name, std::string_view doc,
                      const Fallback<std::string>& fallback, const std::filesystem::path& folder) {
  std::string text = section.text(name, doc, fallback);
  if (text.empty() || section.is_describing()) {
    return text;
  }
  const std::filesystem::path path = std::filesystem::absolute(folder / user_path(text)).lexically_normal();
  if (!std::filesystem::exists(path)) {
    throw WrongData(
        fmt::format("{} = {}: there is no file {}", section.path_of(name), to_toml_inline({text}), path.string()));
  }
  return path.string();
}

/// Written out only where they say something: runs without the keys keep their identity.
void read_choice_of_columns(Section& section, ColumnChoice& columns) {
  const auto read = [&section](std::string_view name, std::string_view doc) {
    return section.is_describing() || section.has(name) ? section.columns(name, doc) : std::vector<Column>();
  };
  columns.inputs = read("input_columns", "of the inputs, in this order: by number or name; []: all others");
  columns.dropped = read("drop_columns", "that are left out and may hold anything: by number or name");
}

MakeDataset read_file(Section& section, const Surroundings& surroundings) {
  FileDatasetOptions options;
  options.path = read_path(section, "path", "a table (.csv, .npy, .h5 and others), from the experiment file's folder",
                           required, surroundings.folder);
  options.test_path =
      read_path(section, "test_path", "the test table; \"\": split path instead", std::string(), surroundings.folder);
  if (section.reads("test_fraction", options.test_path.empty(), "no task.test_path")) {
    options.test_fraction = section.number("test_fraction", "share of the rows that is drawn for the test",
                                           options.test_fraction, NumberRule::fraction);
  }
  // Written out only where it says something: runs without the key keep their identity.
  if (section.is_describing() || section.has("labels")) {
    options.labels =
        section.flag("labels", "whether a column is the label; false: the rows are points", options.labels);
  }
  if (section.reads("target_column", options.labels, "task.labels = true")) {
    options.columns.target =
        section.column("target_column", "of the label: from 0, negative from the end, or its name", Column(-1));
  }
  read_choice_of_columns(section, options.columns);
  options.csv.skip_lines = section.integer("skip_lines", "csv: lines before the table", options.csv.skip_lines, {0});
  options.csv.header = pick(section, "header", "csv: whether names of columns stand above the rows", "auto", headers);
  if (section.is_describing() || section.has("separator")) {
    options.csv.separator =
        pick(section, "separator", "csv: what stands between fields; auto: what splits the first two lines alike",
             "auto", separators);
  }
  options.dataset = section.text("dataset", "hdf5: path of the data set in the file; npz: the array", options.dataset);
  options.external =
      section.flag("external", "hdf5: it may take numbers from files outside its folder", options.external);
  options.standardise = section.flag("standardise", "inputs to mean 0 and variance 1", options.standardise);
  if (section.reads("binary_labels", options.labels, "task.labels = true")) {
    options.binary_labels =
        section.flag("binary_labels", "the two labels, numbers or words, become -1 and +1", options.binary_labels);
  }
  options.input_scale = section.number("input_scale", "multiplies the inputs, after standardising", options.input_scale,
                                       NumberRule::positive);
  options.section = section.path_of("");
  options.stop = surroundings.stop;
  options.tables = surroundings.tables;
  return [options](std::uint64_t seed) { return make_file_dataset(options, seed); };
}

/// The array that a key names; empty where the key is.
Inputs read_array(Section& section, std::string_view name, std::string_view doc, const Fallback<std::string>& fallback,
                  const Surroundings& surroundings) {
  const std::string text = section.text(name, doc, fallback);
  if (text.empty() || section.is_describing()) {
    return {};
  }
  const Inputs* array = surroundings.arrays == nullptr ? nullptr : surroundings.arrays->find(text);
  section.check(array != nullptr, name, std::string(no_given_array));
  return *array;
}

void check_targets(Section& section, std::string_view name, const Inputs& targets, const Inputs& inputs) {
  section.check(targets.rows() == inputs.rows() && (targets.cols() == 1 || targets.rows() == 0), name,
                fmt::format("must be one number a row of the inputs, which are {} x {}", inputs.rows(), inputs.cols()));
}

MakeDataset read_arrays(Section& section, const Surroundings& surroundings) {
  auto data = std::make_shared<Dataset>();
  const auto read = [&](std::string_view name, std::string_view doc, const Fallback<std::string>& fallback) {
    return read_array(section, name, doc, fallback, surroundings);
  };
  data->train_inputs = read("train_inputs", "an array of the program that uses the library, [n x d]", required);
  const Inputs train_targets = read("train_targets", "its labels, [n]", required);
  data->test_inputs = read("test_inputs", "an array [n_test x d]; \"\": none", std::string());
  const Inputs test_targets = read("test_targets", "its labels, [n_test]; \"\": none", std::string());
  if (section.is_describing()) {
    return {};
  }
  section.check(data->train_inputs.size() > 0, "train_inputs", "must have a row and a column at least");
  check_targets(section, "train_targets", train_targets, data->train_inputs);
  section.check(data->test_inputs.rows() == 0 || data->test_inputs.cols() == data->input_dim(), "test_inputs",
                fmt::format("must have {} columns, as the training inputs", data->input_dim()));
  check_targets(section, "test_targets", test_targets, data->test_inputs);
  data->test_inputs.conservativeResize(data->test_inputs.rows(), data->input_dim());
  data->train_targets = train_targets.reshaped();
  data->test_targets = test_targets.reshaped();
  data->description = fmt::format("arrays: {} samples of dimension {}, {} test samples", data->num_train(),
                                  data->input_dim(), data->num_test());
  return [data](std::uint64_t /*seed*/) { return *data; };
}

constexpr auto rows_of_tasks = std::to_array<TaskRow>({
    {"teacher-student", "y = sum_l a_l sigma(w_l . x) + noise", read_teacher_student},
    {"sparse-parity", "y = prod_{c <= k} sign(z_c), z uniform on the corners of the cube, x = Q z", read_sparse_parity},
    {"single-index", "y = link(x_1) + noise", read_single_index},
    {"multi-index", "y = link(x_1, .., x_k) + noise: x_1 x_2, or x_1 + x_1 x_2 + x_1 x_2 x_3", read_multi_index},
    {"harmonics", "y = sum_k a_k sqrt(N(d, k)) P_k(x . e_1) + noise, x uniform on the unit sphere", read_harmonics},
    {"mixture", "points x ~ N(c, std^2 I) about given centres c in turn, without labels", read_mixture},
    {"file", "a table of yours: csv, npy, npz or hdf5", read_file},
    {"arrays", "arrays of Python, or of another program that uses the library", read_arrays},
});

}  // namespace

std::span<const TaskRow> tasks() { return rows_of_tasks; }

}  // namespace mfld
