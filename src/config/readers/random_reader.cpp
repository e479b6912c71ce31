#include <fmt/format.h>

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
  rule.law = pick(section, "law",
                  "of the noise; three-point: -sqrt(3), 0, sqrt(3) with probabilities 1/6, 2/3, 1/6, which has the "
                  "moments of a normal to the fifth and takes a fraction of the time, for laws and not for paths",
                  "gaussian", noise_laws);
  const bool is_gaussian = rule.law == NoiseLaw::gaussian;
  section.check(is_gaussian || rule.substeps == 1, "substeps",
                "must be 1 with law = \"three-point\": sums of its steps are no coarser steps of one path");
  section.check(is_gaussian || rule.precision == NormalPrecision::own, "precision",
                "must be \"own\" with law = \"three-point\", which is the same in both");
  return rule;
}

void check_noise_law(const Section& root, const NoiseRule& noise, const std::vector<Phase>& phases) {
  for (std::size_t i = 0; noise.law != NoiseLaw::gaussian && i < phases.size(); ++i) {
    const bool has_moments =
        phases[i].step_rule == StepKind::euler_maruyama || phases[i].step_rule == StepKind::kinetic;
    root.check(has_moments || phases[i].temperature.value == 0, fmt::format("phase.{}.step", i),
               "must be \"euler-maruyama\" or \"kinetic\" with noise.law = \"three-point\": what the others do with "
               "noise is shown for normals");
  }
}

}  // namespace mfld::readers
