// counted_steps SETTING PRECISION STEPS: makes that many steps on one thread and says nothing. `instructions` counts what
// they execute; what comes before the first step is the same for any number of them.
#include <cstdlib>
#include <iostream>
#include <string>

#include "bench/settings.hpp"

namespace mfld::bench {

template <class Scalar>
void make(const Setting& setting, int num_steps) {
  auto steps = make_steps<Scalar>(setting);
  with_threads(1, [&] {
    for (int i = 0; i < num_steps; ++i) {
      steps.step();
    }
  });
}

int run(const std::string& name, const std::string& precision, int num_steps) {
  for (const Setting& setting : settings) {
    if (name == setting.name) {
      precision == "single" ? make<float>(setting, num_steps) : make<double>(setting, num_steps);
      return 0;
    }
  }
  std::cerr << "counted_steps: there is no setting " << name << '\n';
  return 2;
}

}  // namespace mfld::bench

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "counted_steps SETTING PRECISION STEPS\n";
    return 2;
  }
  return mfld::bench::run(argv[1], argv[2], std::atoi(argv[3]));
}
