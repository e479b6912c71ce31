// The numbers of the figures of tests/README.md, as tables in a folder: minutes. plots/verification.py draws them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <exception>

#include "verification/studies.hpp"

int main(int argc, char** argv) {
  if (argc < 2) {
    fmt::print(stderr, "usage: {} FOLDER [STUDY...]\n", argv[0]);
    return 2;
  }
  struct Study {
    std::string_view name;
    void (*run)(const std::filesystem::path&);
  };
  constexpr auto studies = std::to_array<Study>({{"step_order", mfld::study_step_order},
                                                 {"width_order", mfld::study_width_order},
                                                 {"certificate", mfld::study_certificate},
                                                 {"convergence", mfld::study_convergence},
                                                 {"batch_noise", mfld::study_batch_noise},
                                                 {"rounding", mfld::study_rounding},
                                                 {"entropy", mfld::study_entropy}});
  const std::vector<std::string_view> wanted(argv + 2, argv + argc);
  try {
    for (const Study& study : studies) {
      if (wanted.empty() || std::find(wanted.begin(), wanted.end(), study.name) != wanted.end()) {
        study.run(argv[1]);
        fmt::print("wrote {}\n", study.name);
      }
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 1;
  }
  return 0;
}
