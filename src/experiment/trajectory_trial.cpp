#include "experiment/trajectory_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>

#include "experiment/trajectory_file.hpp"
#include "mfld/core/error.hpp"

namespace mfld {

namespace {

void send(const TrajectoryInfo& info, Channel& child) {
  child.send_number(std::ssize(info.particles));
  child.send(std::as_bytes(std::span(info.particles)));
  child.send_number(std::ssize(info.parameter_names));
  for (const std::string& name : info.parameter_names) {
    child.send_text(name);
  }
  child.send(std::as_bytes(std::span(&info.step_size, 1)));
}

TrajectoryInfo receive_info(Channel& parent) {
  TrajectoryInfo info;
  info.particles.resize(static_cast<std::size_t>(parent.receive_number()));
  parent.receive(std::as_writable_bytes(std::span(info.particles)));
  info.parameter_names.resize(static_cast<std::size_t>(parent.receive_number()));
  for (std::string& name : info.parameter_names) {
    name = parent.receive_text();
  }
  parent.receive(std::as_writable_bytes(std::span(&info.step_size, 1)));
  return info;
}

}  // namespace

void serve_trajectory(Channel& parent) {
  const std::filesystem::path path = parent.receive_text();
  const std::int64_t num_frames = parent.receive_number();
  const std::int64_t last_step = parent.receive_number();
  const TrajectoryInfo info = receive_info(parent);
  try {
    TrajectoryFile(path, num_frames, info, last_step);
  } catch (const std::exception&) {
  }
  parent.send_number(0);
}

void try_trajectory(const std::filesystem::path& path, const TrajectoryInfo& info, const TrajectoryEnd& end,
                    const std::atomic<bool>* stop) {
  if (!can_have_children()) {
    return;
  }
  std::error_code unknown;
  const std::uintmax_t bytes = std::filesystem::file_size(path, unknown);
  ChildCall call{trajectory_work.name,
                 unknown ? 60U : static_cast<unsigned>(std::min<std::uintmax_t>(60 + (bytes >> 22U), 1000000)),
                 {stop, fmt::format("opening {}", path.string()), 0}};
  call.patience.silent_seconds = 30.0 * call.cpu_seconds;
  const auto fault = run_in_child(call, [&](Channel& child) {
    child.send_text(path.string());
    child.send_number(end.num_frames);
    child.send_number(end.last_step);
    send(info, child);
    child.receive_number();
  });
  if (fault) {
    throw FileError(fmt::format(
        "cannot continue {}: {} ({})", path.string(),
        fault->crashed ? "it is damaged, the HDF5 library failed on it" : "it could not be tried in a process",
        fault->how));
  }
}

}  // namespace mfld
