// mfld kernel.
#include <fmt/format.h>

#include <algorithm>
#include <boost/algorithm/string/join.hpp>
#include <charconv>
#include <cmath>
#include <iterator>
#include <limits>
#include <memory>
#include <numbers>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <utility>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "mfld/core/printable.hpp"
#include "mfld/files/result_file.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/model/activation.hpp"
#include "mfld/ntk/infinite_width.hpp"
#include "mfld/ntk/spectrum.hpp"
#include "mfld/record/provenance.hpp"
#include "mfld/runs/runner.hpp"
#include "mfld/tables/input_file.hpp"
#include "mfld/tables/table_writer.hpp"
#include "progress.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;
using mfld::Index;
using mfld::InvalidInput;
using mfld::KernelParts;
using mfld::Matrix;

/// The network whose kernel is asked for.
struct InfiniteNetwork {
  mfld::KernelConvention convention;
  mfld::Activation activation;
  KernelParts parts;
};

/// The value of an option that only some conventions have.
template <class T>
T value_of(std::string_view name, const std::optional<T>& given, T otherwise, const std::string& convention,
           const std::vector<std::string>& readers) {
  if (given && std::find(readers.begin(), readers.end(), convention) == readers.end()) {
    throw InvalidInput(fmt::format("{} {}: is only read with --convention {}, not {}", name, *given,
                                   boost::algorithm::join(readers, ", "), convention));
  }
  return given.value_or(otherwise);
}

InfiniteNetwork make_network(const KernelArguments& arguments, Index input_dim) {
  const auto activation = std::find_if(mfld::activations.begin(), mfld::activations.end(),
                                       [&](const auto& row) { return row.name == arguments.activation; });
  mfld::KernelConventionOptions options;
  const std::string& convention = arguments.convention;
  options.depth = value_of("--depth", arguments.depth, options.depth, convention, {"jacot", "lee", "arora"});
  options.activation = activation->kind;
  options.input_dim = input_dim;
  options.weight_variance =
      value_of("--weight-variance", arguments.weight_variance, options.weight_variance, convention, {"lee"});
  options.bias_variance =
      value_of("--bias-variance", arguments.bias_variance, options.bias_variance, convention, {"jacot", "lee"});
  const KernelParts parts = arguments.part == "both"   ? KernelParts::both
                            : arguments.part == "nngp" ? KernelParts::nngp
                                                       : KernelParts::ntk;
  return {mfld::make_kernel_convention(convention, options), activation->kind, parts};
}

bool is_kernel(std::string_view beginning) {
  const std::size_t end = beginning.find('\n');
  return beginning.starts_with("# mfld ") && end != beginning.npos &&
         beginning.substr(end + 1).starts_with("# kernel of a network");
}

/// Where the numbers go: the terminal, or a file. Of a .npy nothing says who wrote it, so none is replaced.
class Output {
 public:
  explicit Output(const std::string& path) {
    if (!path.empty()) {
      const SignalsWait until_it_is_known;
      file_ = std::make_unique<mfld::ResultFile>(path, is_kernel);
      remove_on_signals(file_->temporary());
    }
  }

  mfld::TakeBytes taker() {
    return [this](std::string_view bytes) {
      if (file_) {
        file_->write(bytes);
      } else {
        write_output(bytes);
      }
    };
  }

  void finish() {
    if (file_) {
      file_->finish();
    }
  }

 private:
  std::unique_ptr<mfld::ResultFile> file_;
};

/// A result that double precision cannot hold.
class NotFinite : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// `error` bounds the error of the values.
void check_finite(std::string_view name, const Matrix& values, double error) {
  for (Index j = 0; j < values.cols(); ++j) {
    for (Index i = 0; i < values.rows(); ++i) {
      if (!std::isfinite(values(i, j))) {
        throw NotFinite(fmt::format("kernel: {} is {} in row {}, column {} of the result, and nothing is written", name,
                                    values(i, j), i + 1, j + 1));
      }
    }
  }
  if (std::isnan(error)) {
    throw NotFinite(fmt::format("kernel: nothing is known of the error of {}, and nothing is written", name));
  }
}

void check_finite(const mfld::InfiniteWidthKernel& kernel) {
  check_finite("nngp", kernel.nngp, kernel.nngp_error);
  check_finite("ntk", kernel.ntk, kernel.ntk_error);
}

bool is_npy(const std::string& path) { return fs::path(path).extension() == ".npy"; }

std::vector<std::string> comments_of(const KernelArguments& arguments, const InfiniteNetwork& network) {
  const auto row = std::find_if(mfld::kernel_conventions.begin(), mfld::kernel_conventions.end(),
                                [&](const auto& each) { return each.name == arguments.convention; });
  const mfld::KernelConvention& c = network.convention;
  return {"mfld " + mfld::version(),
          fmt::format("kernel of a network of infinite width: convention {}, {}", row->name, row->formula),
          fmt::format("{} layers of weights, activation {}: {}", c.num_weight_layers, arguments.activation,
                      mfld::info(network.activation).formula),
          fmt::format("K^1 = {} x.x' + {}, K^(l+1) = {} E[sigma sigma] + {}", c.input_variance, c.input_bias_variance,
                      c.weight_variance, c.bias_variance)};
}

std::string error_comment(const InfiniteNetwork& network, const mfld::InfiniteWidthKernel& kernel) {
  std::vector<std::string> bounds;
  if (network.parts != KernelParts::ntk) {
    bounds.push_back(fmt::format("nngp <= {:.3g}", kernel.nngp_error));
  }
  if (network.parts != KernelParts::nngp) {
    bounds.push_back(fmt::format("ntk <= {:.3g}", kernel.ntk_error));
  }
  const bool closed = kernel.nngp_error == 0 && kernel.ntk_error == 0;
  return fmt::format("error of quadrature and truncation: {}{}", boost::algorithm::join(bounds, ", "),
                     closed ? " (closed form)" : "");
}

// --- Between files

/// A number, or else a name.
mfld::Column column(const std::string& text) {
  Index place = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), place);
  return error == std::errc() && end == text.data() + text.size() ? mfld::Column(place) : mfld::Column(text);
}

mfld::ColumnChoice columns(const KernelArguments& arguments) {
  mfld::ColumnChoice choice;
  choice.target.reset();
  if (arguments.target_column != "none") {
    choice.target = column(arguments.target_column);
  }
  std::transform(arguments.input_columns.begin(), arguments.input_columns.end(), std::back_inserter(choice.inputs),
                 column);
  std::transform(arguments.drop_columns.begin(), arguments.drop_columns.end(), std::back_inserter(choice.dropped),
                 column);
  return choice;
}

mfld::InputFileOptions file(const KernelArguments& arguments, const std::string& name, const std::string& path) {
  const mfld::Header header = arguments.header == "yes"  ? mfld::Header::yes
                              : arguments.header == "no" ? mfld::Header::no
                                                         : mfld::Header::automatic;
  const auto separator =
      std::find_if(mfld::separators.begin(), mfld::separators.end(),
                   [&arguments](const mfld::SeparatorInfo& row) { return row.name == arguments.separator; });
  return {.name = name,
          .path = path,
          .columns = columns(arguments),
          .csv = {.skip_lines = arguments.skip_lines, .header = header, .separator = separator->value},
          .dataset = arguments.dataset};
}

/// The inputs of the rows; and of the columns, or nothing where these are the same.
std::pair<mfld::FileInputs, std::optional<mfld::FileInputs>> read(const KernelArguments& arguments) {
  const mfld::InputFileOptions rows = file(arguments, "rows", arguments.path);
  if (arguments.columns.empty()) {
    return {mfld::read_inputs(rows), std::nullopt};
  }
  return mfld::read_inputs(rows, file(arguments, "columns", arguments.columns));
}

void refuse_to_replace_inputs(const KernelArguments& arguments) {
  for (const std::string& path : {arguments.path, arguments.columns}) {
    std::error_code missing;
    if (!arguments.out.empty() && fs::equivalent(arguments.out, path, missing)) {
      throw InvalidInput(fmt::format("--out {}: is the data file {}", mfld::printable(arguments.out, 150),
                                     mfld::printable(path, 150)));
    }
  }
}

/// Of the kernels, and of what their eigenvalues need beside them.
void state_memory(const KernelArguments& arguments, Index rows, Index columns, KernelParts parts) {
  const auto vectors = static_cast<Index>(4 * (arguments.leading + 10));
  const double more = arguments.leading == 0 ? 0 : mfld::kernel_gib(rows, rows + vectors, KernelParts::ntk);
  const double needed = mfld::kernel_gib(rows, columns, parts) + more;
  if (more > 0 && needed > mfld::available_gib()) {
    throw InvalidInput(
        fmt::format("--leading {}: the eigenvalues of {} inputs need {:.3g} GiB and {:.3g} GiB are "
                    "available: ask for fewer inputs",
                    arguments.leading, rows, needed, mfld::available_gib()));
  }
  if (!arguments.quiet) {
    say(fmt::format("a kernel of {} x {} inputs{}: {:.3g} GiB of {:.3g} GiB available", rows, columns,
                    more > 0 ? " and its eigenvalues" : "", needed, mfld::available_gib()));
  }
}

/// And the lines that were read as names.
std::string describe_inputs(const KernelArguments& arguments, const mfld::FileInputs& rows,
                            const mfld::FileInputs& columns) {
  const auto header = [](const mfld::FileInputs& file) {
    return file.header_line > 0 ? fmt::format(" (its header is line {})", file.header_line) : "";
  };
  return fmt::format("rows: the {} inputs of {}{}; columns: the {} of {}{}; dimension {}", rows.inputs.rows(),
                     arguments.path, header(rows), columns.inputs.rows(),
                     arguments.columns.empty() ? arguments.path : arguments.columns,
                     arguments.columns.empty() ? "" : header(columns), rows.inputs.cols());
}

void say_warnings(const KernelArguments& arguments, const mfld::FileInputs& file) {
  for (const std::string& warning : file.warnings) {
    if (!arguments.quiet) {
      say(warning);
    }
  }
}

/// Draws how far it is, where numbers do not go to the terminal themselves.
mfld::Watch watch_of(const KernelArguments& arguments, const char* doing) {
  if (arguments.quiet || arguments.out.empty() || !can_draw()) {
    return {};
  }
  return mfld::watch_of(doing, nullptr, [](const mfld::Progress& now) { draw(progress_line(now, terminal_width())); });
}

/// The kernels that were asked for, by name.
std::vector<std::pair<std::string, const Matrix*>> named(const mfld::InfiniteWidthKernel& kernel) {
  std::vector<std::pair<std::string, const Matrix*>> kernels;
  for (const auto& [name, matrix] : {std::pair("nngp", &kernel.nngp), std::pair("ntk", &kernel.ntk)}) {
    if (matrix->size() > 0) {
      kernels.emplace_back(name, matrix);
    }
  }
  return kernels;
}

void write_eigenvalues(const KernelArguments& arguments, const mfld::InfiniteWidthKernel& kernel,
                       std::vector<std::string> comments, Output& output) {
  const auto count = static_cast<Index>(arguments.leading);
  std::vector<mfld::Vector> columns = {mfld::Vector::LinSpaced(count, 1, static_cast<double>(count))};
  std::string names = "number";
  double norm = 0;
  for (const auto& [name, matrix] : named(kernel)) {
    names += ',' + name;
    norm = std::max(norm, matrix->norm());
    columns.push_back(mfld::empirical_eigenvalues(*matrix, count, watch_of(arguments, "eigenvalues")));
  }
  comments.push_back(
      fmt::format("the largest eigenvalues of the kernel over the number of its inputs; error beside "
                  "that of the kernel: <= {:.3g}",
                  4 * std::numeric_limits<double>::epsilon() * norm));
  mfld::write_comments(output.taker(), comments);
  mfld::write_columns(output.taker(), names, columns);
}

void write_kernels(const mfld::InfiniteWidthKernel& kernel, const std::vector<std::string>& comments, Output& output) {
  mfld::write_comments(output.taker(), comments);
  for (const auto& [name, matrix] : named(kernel)) {
    mfld::write_comments(output.taker(), {name});
    mfld::write_rows(output.taker(), *matrix);
  }
}

void between_files(const KernelArguments& arguments) {
  refuse_to_replace_inputs(arguments);
  const auto [row_file, column_file] = read(arguments);
  const mfld::Inputs& x = row_file.inputs;
  const mfld::Inputs* z = column_file ? &column_file->inputs : nullptr;
  const std::string inputs = describe_inputs(arguments, row_file, column_file ? *column_file : row_file);
  say_warnings(arguments, row_file);
  if (column_file) {
    say_warnings(arguments, *column_file);
  }
  const InfiniteNetwork network = make_network(arguments, x.cols());
  if (arguments.leading > x.rows()) {
    throw InvalidInput(
        fmt::format("--leading {}: the kernel of {} inputs has {} eigenvalues", arguments.leading, x.rows(), x.rows()));
  }
  state_memory(arguments, x.rows(), (z ? *z : x).rows(), network.parts);
  Output output(arguments.out);  // what cannot be written is known before the kernel is
  const mfld::Watch watch = watch_of(arguments, "kernel");
  const mfld::InfiniteWidthKernel kernel =
      z ? mfld::infinite_width_kernel(network.convention, network.activation, x, *z, network.parts, watch)
        : mfld::infinite_width_kernel(network.convention, network.activation, x, network.parts, watch);
  check_finite(kernel);
  std::vector<std::string> comments = comments_of(arguments, network);
  comments.push_back(inputs);
  comments.push_back(error_comment(network, kernel));
  if (arguments.leading > 0) {
    write_eigenvalues(arguments, kernel, comments, output);
  } else if (!is_npy(arguments.out)) {
    write_kernels(kernel, comments, output);
  } else {
    std::vector<const Matrix*> matrices;
    for (const auto& [name, matrix] : named(kernel)) {
      matrices.push_back(matrix);
    }
    mfld::write_npy(output.taker(), matrices);
    if (!arguments.quiet) {
      say(inputs);
      say(error_comment(network, kernel));
    }
  }
  output.finish();
}

// --- Of unit vectors

/// The angles of `cosines`: a list of cosines, or a number of angles from 0 to pi.
struct Angles {
  mfld::Vector angle;
  mfld::Vector cosine;
  bool listed = false;  // by their cosines, which are then exact
};

Angles read_angles(const std::string& text) {
  Index count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error == std::errc() && end == text.data() + text.size() && count >= 2) {
    const mfld::Vector angle = mfld::Vector::LinSpaced(count, 0, std::numbers::pi);
    return {angle, angle.array().cos()};
  }
  std::vector<double> cosines;
  std::istringstream fields(text);
  for (std::string field; std::getline(fields, field, ',');) {
    double value = 0;
    const auto [stop, wrong] = std::from_chars(field.data(), field.data() + field.size(), value);
    if (wrong != std::errc() || stop != field.data() + field.size() || !(std::abs(value) <= 1)) {
      throw InvalidInput(
          fmt::format("--cosines {}: must be numbers in [-1, 1] with commas between, or a count of angles >= 2", text));
    }
    cosines.push_back(value);
  }
  const mfld::Vector cosine = mfld::Vector::Map(cosines.data(), std::ssize(cosines));
  return {cosine.array().acos(), cosine, true};
}

std::string names_with_parts(std::string names, KernelParts parts) {
  return names += parts == KernelParts::both ? ",nngp,ntk" : parts == KernelParts::nngp ? ",nngp" : ",ntk";
}

void at_angles(const KernelArguments& arguments) {
  const InfiniteNetwork network = make_network(arguments, std::max<Index>(arguments.input_dim, 1));
  const Angles angles = read_angles(arguments.cosines);
  const mfld::InfiniteWidthKernel kernel =
      angles.listed ? mfld::infinite_width_kernel_at_cosines(network.convention, network.activation, angles.cosine)
                    : mfld::infinite_width_kernel_at_angles(network.convention, network.activation, angles.angle);
  check_finite(kernel);
  std::vector<mfld::Vector> columns = {angles.angle, angles.cosine};
  if (network.parts != KernelParts::ntk) {
    columns.emplace_back(kernel.nngp.col(0));
  }
  if (network.parts != KernelParts::nngp) {
    columns.emplace_back(kernel.ntk.col(0));
  }
  std::vector<std::string> comments = comments_of(arguments, network);
  comments.emplace_back("of unit vectors at an angle (in radians)");
  comments.push_back(error_comment(network, kernel));
  Output output(arguments.out);
  mfld::write_comments(output.taker(), comments);
  mfld::write_columns(output.taker(), names_with_parts("angle,cosine", network.parts), columns);
  output.finish();
}

void on_the_sphere(const KernelArguments& arguments) {
  if (arguments.input_dim < 2) {
    throw InvalidInput("--spectrum: needs --input-dim, the dimension of the space of the sphere, at least 2");
  }
  const InfiniteNetwork network = make_network(arguments, arguments.input_dim);
  const auto max_degree = static_cast<int>(arguments.spectrum);
  const auto count = static_cast<Index>(max_degree) + 1;
  std::vector<mfld::Vector> columns = {mfld::Vector::LinSpaced(count, 0, max_degree), mfld::Vector(count)};
  for (const bool ntk : {false, true}) {
    if (network.parts != KernelParts::both && ntk != (network.parts == KernelParts::ntk)) {
      continue;
    }
    const mfld::AngularKernel kernel = [&](const mfld::Vector& angles) -> mfld::Vector {
      const auto values = mfld::infinite_width_kernel_at_angles(network.convention, network.activation, angles);
      return (ntk ? values.ntk : values.nngp).col(0);
    };
    columns.emplace_back(count);
    for (const mfld::SphericalEigenvalue& row : mfld::spherical_eigenvalues(kernel, arguments.input_dim, max_degree)) {
      columns[1](row.degree) = row.multiplicity;
      columns.back()(row.degree) = row.value;
    }
    check_finite(ntk ? "ntk" : "nngp", columns.back(), 0);
  }
  std::vector<std::string> comments = comments_of(arguments, network);
  comments.push_back(fmt::format(
      "eigenvalues under the uniform probability measure of the unit sphere in dimension {} (Funk and Hecke)",
      arguments.input_dim));
  Output output(arguments.out);
  mfld::write_comments(output.taker(), comments);
  mfld::write_columns(output.taker(), names_with_parts("degree,multiplicity", network.parts), columns);
  output.finish();
}

void check(const KernelArguments& arguments) {
  const int num_ways =
      (arguments.path.empty() ? 0 : 1) + (arguments.cosines.empty() ? 0 : 1) + (arguments.spectrum < 0 ? 0 : 1);
  if (num_ways != 1) {
    throw InvalidInput("kernel: give a data file, --cosines or --spectrum, and one of them only");
  }
  const bool is_csv = fs::path(arguments.out).extension() == ".csv";
  if (!arguments.out.empty() && !is_csv && !(is_npy(arguments.out) && !arguments.path.empty())) {
    throw InvalidInput(
        fmt::format("--out {}: the name must end in .csv{}", arguments.out, arguments.path.empty() ? "" : " or .npy"));
  }
  if (arguments.leading > 0 && (arguments.path.empty() || !arguments.columns.empty())) {
    throw InvalidInput(fmt::format("--leading {}: takes one data file, whose inputs are rows and columns of the kernel",
                                   arguments.leading));
  }
  if (arguments.leading > 0 && is_npy(arguments.out)) {
    throw InvalidInput(fmt::format("--out {}: eigenvalues are a table, whose name must end in .csv", arguments.out));
  }
  if (!arguments.path.empty() && arguments.input_dim > 0) {
    throw InvalidInput("--input-dim: the dimension is that of the data file");
  }
}

}  // namespace

std::string kernel_help() {
  std::string text =
      "With L layers of weights, K^1 = s x.x' + t and (u, v) ~ N(0, K^l restricted to x, x'),\n"
      "  K^(l+1) = w E[sigma(u) sigma(v)] + b           nngp = K^L, the covariance of the outputs at the start\n"
      "  Theta^1 = K^1, Theta^(l+1) = K^(l+1) + w E[sigma'(u) sigma'(v)] Theta^l     ntk = Theta^L\n"
      "(Jacot, Gabriel & Hongler 2018; parameters that are not trained leave out their term in Theta). The convention\n"
      "says what L, s, t, w, b are:\n";
  for (const mfld::KernelConventionInfo& row : mfld::kernel_conventions) {
    text += fmt::format("  {:<18} {}\n", row.name, row.formula);
  }
  return text +
         "Numbers are written to the last bit of a double. '#' lines in front say what they are and bound the error\n"
         "of quadrature, which activations without a closed form need. Of data files, a matrix with one row an\n"
         "input (--part both: nngp, then ntk; in an .npy the last of three axes). K(x, x) is computed once.\n"
         "  mfld kernel train.csv --convention arora --depth 3 --out kernel.npy\n"
         "  mfld kernel train.csv --leading 20\n"
         "  mfld kernel --cosines=-1,0,0.5,1 --activation tanh --part both\n"
         "  mfld kernel --spectrum 8 --input-dim 3";
}

ExitStatus kernel(const KernelArguments& given) {
  KernelArguments arguments = given;
  for (std::string* path : {&arguments.path, &arguments.columns, &arguments.out}) {
    *path = path->empty() ? "" : mfld::user_path(*path).string();
  }
  check(arguments);
  const auto compute = [&arguments] {
    if (!arguments.path.empty()) {
      between_files(arguments);
    } else if (arguments.spectrum >= 0) {
      on_the_sphere(arguments);
    } else {
      at_angles(arguments);
    }
    return finished;
  };
  try {
    return mfld::with_threads(num_threads(arguments.threads), compute);
  } catch (const NotFinite& error) {
    complain(error.what());
    return diverged;
  }
}

}  // namespace commands
