#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "mfld/hdf5/hdf5_file.hpp"

namespace mfld::test {

/// Every method, alone and in a row, with a phase that ends when it has converged.
inline const std::vector<std::pair<std::string, std::string>> every_phase = {
    {"gd", "[[phase]]\nmethod = \"gd\"\nsteps = 20\nstep_size = 0.1\n"},
    {"gld", "[[phase]]\nmethod = \"gld\"\nsteps = 20\nstep_size = 0.1\nbeta = 100\n"},
    {"sgld", "[[phase]]\nmethod = \"sgld\"\nsteps = 20\nstep_size = 0.1\nbeta = 100\nbatch_size = 4\n"},
    {"mfld", "[[phase]]\nmethod = \"mfld\"\nsteps = 20\nstep_size = 0.1\nlambda2 = 0.01\n"},
    {"sgd-mfld", "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 20\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 4\n"},
    {"svrg-mfld",
     "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 20\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 4\n"
     "snapshot_every = 6\n"},
    {"averaged-sgd", "[[phase]]\nmethod = \"averaged-sgd\"\nsteps = 20\nstep_size = 0.1\nlambda1 = 0.3\n"},
    {"natural-gradient", "[[phase]]\nmethod = \"natural-gradient\"\nsteps = 20\nstep_size = 0.1\ndamping = 1e-3\n"},
    {"averages",
     "[[phase]]\nmethod = \"averaged-sgd\"\nsteps = 4\nstep_size = 0.1\nlambda1 = 0.3\nbatch_size = 3\n"
     "[[phase]]\nmethod = \"mfld\"\nsteps = 7\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\naveraging = true\n"
     "anchor = \"start\"\n"
     "[[phase]]\nmethod = \"sgd\"\nsteps = 9\nstep_size = 0.1\nbatch_size = 2\nsampling = \"one-pass\"\n"},
    {"phases",
     "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 5\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 4\n"
     "[[phase]]\nmethod = \"gd\"\nsteps = 100\nstep_size = 0.1\nuntil_gradient_norm = 1e9\n"
     "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 15\nstep_size = 0.1\nlambda2 = 0.01\n"},
    {"stop rules",
     "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 50\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 4\n"
     "until = {column = \"train_loss\", above = 0, held = 3}\n"
     "[[phase]]\nmethod = \"mfld\"\nsteps = 50\nstep_size = 0.1\nlambda2 = 0.01\naveraging = true\n"
     "until = {column = \"gradient_evaluations\", above = 300, held = 2}\n"
     "[[phase]]\nmethod = \"gd\"\nsteps = 14\nstep_size = 0.1\nuntil = {column = \"train_loss\", below = 0}\n"},
    {"underdamped-mfld",
     "[[phase]]\nmethod = \"underdamped-mfld\"\nsteps = 20\nstep_size = 0.3\nlambda2 = 0.01\nfriction = 0.7\n"},
    {"pda",
     "[[phase]]\nmethod = \"pda\"\nsteps = 20\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\ninner_steps = 6\n"},
    {"p-sdca",
     "neuron = \"bounded-r\"\n[[phase]]\nmethod = \"p-sdca\"\nsteps = 20\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = "
     "0.01\n"
     "inner_steps = 4\ncoordinate_steps = 9\nuntil = {column = \"sdca_gap\", below = 0}\n"},
    {"two of p-sdca",
     "neuron = \"sigma\"\n[[phase]]\nmethod = \"p-sdca\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\n"
     "inner_steps = 3\nstep = \"kinetic\"\n[[phase]]\nmethod = \"p-sdca\"\nsteps = 11\nstep_size = 0.1\nlambda1 = 0.1\n"
     "lambda2 = 0.01\ninner_steps = 1\ncoordinate_steps = 40\neffective_share = 0\nstep = \"leimkuhler-matthews\"\n"},
    {"readout",
     "[[phase]]\nmethod = \"mfld\"\nsteps = 12\nstep_size = 0.1\nlambda2 = 0.01\nreadout = \"ridge\"\nridge = 0.1\n"
     "[[phase]]\nmethod = \"ridge-readout\"\nridge = 0.2\n"
     "[[phase]]\nmethod = \"sgd\"\nsteps = 20\nstep_size = 0.1\nbatch_size = 4\ntrain = [\"input\"]\n"
     "step = \"kinetic\"\n"},
    {"symmetric sweeps",
     "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 20\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 7\n"
     "sampling = \"symmetric-sweep\"\n"},
    {"samples and labels",
     "[[phase]]\nmethod = \"gd\"\nsteps = 8\nstep_size = 0.1\nsamples = [0, 15]\nlabel_noise = 0.5\n"
     "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 12\nstep_size = 0.1\nlambda2 = 0.01\nsamples = [15, 30]\n"
     "batch_size = 4\nsampling = \"symmetric-sweep\"\nlabel_noise = 0.1\n"},
    {"sphere",
     "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 12\nstep_size = 0.1\nlambda2 = 0.01\nstep = \"sphere\"\n"
     "[[phase]]\nmethod = \"pda\"\nsteps = 8\nstep_size = 0.1\nlambda1 = 0.1\nlambda1_fourth = 0.02\nlambda2 = 0.01\n"
     "inner_steps = 3\nfresh_samples = 9\nstep = \"kinetic\"\n"},
    {"ball",
     "[[phase]]\nmethod = \"sgd-mfld\"\nsteps = 20\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 5\nstep = \"ball\"\n"
     "radius = 20\n"},
    {"solved readouts",
     "[[phase]]\nmethod = \"mfld\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\nreadout = \"ridge\"\n"
     "ridge = 0.1\nlabel_noise = 0.2\n"
     "[[phase]]\nmethod = \"gd\"\nsteps = 1\nstep_size = 0.1\ntrain = [\"input\"]\n"
     "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 9\nstep_size = 0.1\nlambda2 = 0.01\nbatch_size = 4\nreadout = "
     "\"ridge\"\n"
     "ridge = 0.2\n"
     "[[phase]]\nmethod = \"ridge-readout\"\nridge = 0.1\nsamples = [0, 15]\n"},
    {"steps",
     "[[phase]]\nmethod = \"svrg-mfld\"\nsteps = 9\nstep_size = 0.3\nlambda2 = 0.01\nstep = \"kinetic\"\n"
     "[[phase]]\nmethod = \"mfld\"\nsteps = 5\nstep_size = 0.1\nlambda2 = 0.01\nstep = \"leimkuhler-matthews\"\n"
     "[[phase]]\nmethod = \"sgd\"\nsteps = 6\nstep_size = 0.1\nbatch_size = 3\nstep = \"kinetic\"\n"},
    {"weighted iterates",
     "[[phase]]\nmethod = \"pda\"\nsteps = 9\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = 0.01\ninner_steps = 4\n"
     "iterate = \"weighted\"\n[[phase]]\nmethod = \"pda\"\nsteps = 11\nstep_size = 0.1\nlambda1 = 0.1\nlambda2 = "
     "0.01\ninner_steps = 2\niterate = \"weighted\"\nstep = \"leimkuhler-matthews\"\n"}};

/// 1001 neurons in 30 samples, looked at every 3 steps, with a trajectory.
inline std::string experiment_text(const std::string& phase, const std::string& precision, int every_steps) {
  const bool has_velocities =
      phase.find("kinetic") != std::string::npos || phase.find("underdamped") != std::string::npos;
  return fmt::format(
      "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\nnum_test = 5\n"
      "[network]\nwidth = 1001\nprecision = \"{}\"\n{}"
      "[observe]\nevery = 3\n[observe.trajectory]\nparticles = 7\nevery = 2\n{}[checkpoint]\nevery_steps = {}\n",
      precision, phase, has_velocities ? "velocities = true\n" : "", every_steps);
}

/// All numbers of a trajectory.
inline std::string trajectory_of(const std::filesystem::path& run) {
  const Hdf5File file = Hdf5File::open(run / "trajectory.h5");
  std::string bytes;
  for (const char* name : {"position/value", "position/step", "position/time", "velocity/value"}) {
    const std::string data_set = std::string("/particles/neurons/") + name;
    if (!file.has_data_set(data_set)) {
      continue;  // without velocities
    }
    std::int64_t size = 1;
    for (const std::int64_t extent : file.shape(data_set)) {
      size *= extent;
    }
    std::vector<double> values(static_cast<std::size_t>(size));
    file.read<double>(data_set, values);
    bytes.append(reinterpret_cast<const char*>(values.data()), sizeof(double) * values.size());
  }
  return bytes;
}

}  // namespace mfld::test
