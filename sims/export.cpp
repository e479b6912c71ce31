// mfld export.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <iterator>
#include <memory>

#include "commands.hpp"
#include "mfld/core/error.hpp"
#include "mfld/core/nearest_name.hpp"
#include "mfld/files/result_file.hpp"
#include "mfld/files/user_path.hpp"
#include "mfld/hdf5/hdf5_file.hpp"
#include "npz.hpp"
#include "say.hpp"
#include "stopping.hpp"

namespace commands {

namespace {

namespace fs = std::filesystem;
using mfld::InvalidInput;

constexpr const char* positions = "/particles/neurons/position/value";
constexpr const char* velocities = "/particles/neurons/velocity/value";

fs::path trajectory_of(const std::string& directory) {
  const fs::path run = mfld::user_path(directory);
  if (fs::exists(run / "trajectory.h5")) {
    return run / "trajectory.h5";
  }
  throw InvalidInput(fmt::format("export: {} has no trajectory.h5{}", run.string(),
                                 fs::exists(run / "index.csv")
                                     ? "; it holds several runs: name one of them"
                                     : ", which observe.trajectory.particles asks a run for"));
}

/// trajectory.h5, frame by frame: a long one does not fit into memory.
struct Trajectory {
  explicit Trajectory(const std::string& directory)
      : file(mfld::Hdf5File::open(trajectory_of(directory))),
        names(file.read_texts("/parameters/names")),
        shape(file.shape(positions)),
        has_velocities(file.has_data_set(velocities)) {
    if (shape.size() != 3 || shape[2] != std::ssize(names) || shape[1] < 1 || shape[2] < 1) {
      throw mfld::FileError(fmt::format("cannot read {}: it is no trajectory", trajectory_of(directory).string()));
    }
    particles.resize(static_cast<std::size_t>(shape[1]));
    file.read<std::int64_t>("/particles/neurons/id", particles);
    // A run that is under way adds a step and a time before the particles.
    steps.resize(static_cast<std::size_t>(shape[0]));
    times.resize(steps.size());
    if (!steps.empty()) {
      file.read_rows<std::int64_t>("/particles/neurons/position/step", 0, steps);
      file.read_rows<double>("/particles/neurons/position/time", 0, times);
    }
  }

  std::size_t num_frames() const { return steps.size(); }

  std::vector<double> frame(const char* data_set, std::size_t k) const {
    std::vector<double> values(particles.size() * names.size());
    file.read_rows<double>(data_set, static_cast<std::int64_t>(k), values);
    return values;
  }

  mfld::Hdf5File file;
  std::vector<std::string> names;
  mfld::Hdf5File::Shape shape;
  bool has_velocities;
  std::vector<std::int64_t> particles;
  std::vector<std::int64_t> steps;
  std::vector<double> times;
};

/// Places of the coordinates "w_1,w_2,r" among all; all of them for an empty text.
std::vector<std::size_t> places_of(const std::string& chosen, const std::vector<std::string>& names) {
  std::vector<std::size_t> places;
  for (std::size_t begin = 0; begin < chosen.size() + (chosen.empty() ? 0 : 1);) {
    const std::size_t end = std::min(chosen.find(',', begin), chosen.size());
    const std::string name = chosen.substr(begin, end - begin);
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::vector<std::string_view> candidates(names.begin(), names.end());
      const auto nearest = mfld::nearest_name(name, candidates);
      throw InvalidInput(fmt::format("--coordinates {}: no coordinate is called \"{}\"; {}", chosen, name,
                                     nearest ? fmt::format("did you mean {}?", *nearest)
                                             : fmt::format("there are {} to {}", names.front(), names.back())));
    }
    places.push_back(static_cast<std::size_t>(found - names.begin()));
    if (std::count(places.begin(), places.end(), places.back()) > 1) {
      throw InvalidInput(fmt::format("--coordinates {}: {} stands there twice", chosen, name));
    }
    begin = end + 1;
  }
  for (std::size_t k = 0; chosen.empty() && k < names.size(); ++k) {
    places.push_back(k);
  }
  return places;
}

/// Calls `visit(frame, values)` with the frames of positions, and velocities behind them where there are any.
template <class Visit>
void for_each_frame(const Trajectory& trajectory, const Visit& visit) {
  for (std::size_t k = 0; k < trajectory.num_frames(); ++k) {
    std::vector<std::vector<double>> values = {trajectory.frame(positions, k)};
    if (trajectory.has_velocities) {
      values.push_back(trajectory.frame(velocities, k));
    }
    visit(k, values);
  }
}

/// One table for all frames, a row a particle and frame.
void write_csv(const Trajectory& trajectory, const std::vector<std::size_t>& places, const mfld::TakeBytes& take) {
  std::string header = "step,time,particle";
  for (const char* prefix : {"", "v_"}) {
    for (const std::size_t place : places) {
      header +=
          *prefix == '\0' || trajectory.has_velocities ? fmt::format(",{}{}", prefix, trajectory.names[place]) : "";
    }
  }
  take(header + '\n');
  for_each_frame(trajectory, [&](std::size_t k, const std::vector<std::vector<double>>& frame) {
    fmt::memory_buffer rows;
    for (std::size_t j = 0; j < trajectory.particles.size(); ++j) {
      fmt::format_to(std::back_inserter(rows), "{},{},{}", trajectory.steps[k], trajectory.times[k],
                     trajectory.particles[j]);
      for (const std::vector<double>& values : frame) {
        for (const std::size_t place : places) {
          fmt::format_to(std::back_inserter(rows), ",{}", values[j * trajectory.names.size() + place]);
        }
      }
      rows.push_back('\n');
    }
    take({rows.data(), rows.size()});
  });
}

/// Extended XYZ: the first three coordinates are the position, with 0 for those that are not there, and further ones
/// columns of their own.
void write_xyz(const Trajectory& trajectory, const std::vector<std::size_t>& places, const mfld::TakeBytes& take) {
  constexpr std::size_t space = 3;
  std::string properties = "species:S:1:id:I:1:pos:R:3";
  for (std::size_t k = space; k < places.size(); ++k) {
    properties += fmt::format(":{}:R:1", trajectory.names[places[k]]);
  }
  properties += trajectory.has_velocities ? ":velo:R:3" : "";
  for_each_frame(trajectory, [&](std::size_t k, const std::vector<std::vector<double>>& frame) {
    fmt::memory_buffer text;
    const auto to = std::back_inserter(text);
    fmt::format_to(to, "{}\nProperties={} Step={} Time={} pbc=\"F F F\"\n", trajectory.particles.size(), properties,
                   trajectory.steps[k], trajectory.times[k]);
    for (std::size_t j = 0; j < trajectory.particles.size(); ++j) {
      fmt::format_to(to, "X {}", trajectory.particles[j]);
      for (std::size_t part = 0; part < frame.size(); ++part) {
        for (std::size_t i = 0; i < (part == 0 ? std::max(space, places.size()) : space); ++i) {
          const double value = i < places.size() ? frame[part][j * trajectory.names.size() + places[i]] : 0.0;
          fmt::format_to(to, " {}", value);
        }
      }
      text.push_back('\n');
    }
    take({text.data(), text.size()});
  });
}

template <class Value>
std::string_view bytes_of(const std::vector<Value>& values) {
  return {reinterpret_cast<const char*>(values.data()), sizeof(Value) * values.size()};
}

/// The arrays names, particle, step, time, position [frames, particles, coordinates] and velocity.
void write_npz(const Trajectory& trajectory, const std::vector<std::size_t>& places, const mfld::TakeBytes& take) {
  const double num_values = static_cast<double>(trajectory.num_frames()) *
                            static_cast<double>(trajectory.particles.size() * places.size()) *
                            (trajectory.has_velocities ? 2 : 1);
  if (8 * num_values + 16.0 * static_cast<double>(trajectory.num_frames()) > Npz::max_bytes) {
    throw InvalidInput("--to npz: more than 4 GiB; choose fewer --coordinates, or --to csv");
  }
  std::size_t width = 1;
  for (const std::size_t place : places) {
    width = std::max(width, trajectory.names[place].size());
  }
  Npz archive(take);
  archive.begin("names", fmt::format("|S{}", width), fmt::format("{},", places.size()));
  for (const std::size_t place : places) {
    std::string name = trajectory.names[place];
    name.resize(width, '\0');
    archive.write(name);
  }
  const std::size_t num_frames = trajectory.num_frames();
  archive.begin("particle", "<i8", fmt::format("{},", trajectory.particles.size()));
  archive.write(bytes_of(trajectory.particles));
  archive.begin("step", "<i8", fmt::format("{},", num_frames));
  archive.write(bytes_of(trajectory.steps));
  archive.begin("time", "<f8", fmt::format("{},", num_frames));
  archive.write(bytes_of(trajectory.times));
  for (const char* data_set : {positions, velocities}) {
    if (data_set == velocities && !trajectory.has_velocities) {
      continue;
    }
    archive.begin(data_set == positions ? "position" : "velocity", "<f8",
                  fmt::format("{}, {}, {}", num_frames, trajectory.particles.size(), places.size()));
    for (std::size_t k = 0; k < num_frames; ++k) {
      const std::vector<double> frame = trajectory.frame(data_set, k);
      std::vector<double> chosen;
      chosen.reserve(trajectory.particles.size() * places.size());
      for (std::size_t j = 0; j < trajectory.particles.size(); ++j) {
        for (const std::size_t place : places) {
          chosen.push_back(frame[j * trajectory.names.size() + place]);
        }
      }
      archive.write(bytes_of(chosen));
    }
  }
  archive.finish();
}

using Write = void (*)(const Trajectory&, const std::vector<std::size_t>&, const mfld::TakeBytes&);

struct Format {
  std::string_view name;
  Write write;
  bool is_text;
};

constexpr std::array<Format, 3> formats = {
    {{"xyz", write_xyz, true}, {"csv", write_csv, true}, {"npz", write_npz, false}}};

}  // namespace

std::vector<std::string> export_formats() {
  std::vector<std::string> names;
  for (const Format& format : formats) {
    names.emplace_back(format.name);
  }
  return names;
}

ExitStatus export_trajectory(const ExportArguments& arguments) {
  const Format& format = *std::find_if(formats.begin(), formats.end(),
                                       [&](const Format& candidate) { return candidate.name == arguments.to; });
  if (!format.is_text && arguments.out.empty()) {
    throw InvalidInput(fmt::format("--to {}: needs --out FILE, for it is no text", format.name));
  }
  const Trajectory trajectory(arguments.directory);
  const std::vector<std::size_t> places = places_of(arguments.coordinates, trajectory.names);
  if (arguments.out.empty()) {
    format.write(trajectory, places, [](std::string_view bytes) { write_output(bytes); });
    return finished;
  }
  std::unique_ptr<mfld::ResultFile> file;
  {
    const SignalsWait until_it_is_known;
    // Nothing in these files says who wrote them, so none is replaced.
    file = std::make_unique<mfld::ResultFile>(arguments.out, [](std::string_view) { return false; });
    remove_on_signals(file->temporary());
  }
  format.write(trajectory, places, [&](std::string_view bytes) { file->write(bytes); });
  file->finish();
  return finished;
}

}  // namespace commands
