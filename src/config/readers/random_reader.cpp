#include "config/readers/readers.hpp"

namespace mfld::readers {

Seeds read_seeds(Section root) {
  const std::int64_t seed = root.integer("seed", "the one number every random choice follows from", required, {0});
  Section section = root.table("seeds");
  const auto read = [&section, seed](std::string_view name, std::string_view doc) {
    return static_cast<std::uint64_t>(section.integer(name, doc, {seed, "seed"}, {0}));
  };
  Seeds seeds;
  seeds.data = read("data", "inputs, labels, teacher, rotation, split");
  seeds.initialisation = read("initialisation", "first particles");
  seeds.batches = read("batches", "which samples a mini-batch holds, and label_noise of a phase");
  seeds.noise = read("noise", "the Brownian motion");
  return seeds;
}

NoiseRule read_noise(Section section) {
  NoiseRule rule;
  rule.substeps = section.integer(
      "substeps", "steps of a run with a smaller step size whose noise each step takes, added: both share their noise",
      rule.substeps, {1, NoiseRule::most_substeps});
  rule.precision = pick(section, "precision",
                        "of the normals, whatever the particles are in: runs in both precisions share those of one; "
                        "single take a third of the time, and end at 6.7 deviations",
                        "own", noise_precisions);
  return rule;
}

}  // namespace mfld::readers
