#include <cmath>

#include "mfld/trust/entropy.hpp"
#include "support/random_normals.hpp"
#include "support/statistics.hpp"
#include "verification/studies.hpp"

namespace mfld {

void study_entropy(const std::filesystem::path& folder) {
  std::vector<std::vector<double>> rows;
  for (const Index width : {500, 2000, 8000}) {
    for (const Index dimension : {1, 2, 3, 4, 5, 7, 10, 15, 20}) {
      MeanTest estimates;
      const unsigned num_estimates = width == 8000 ? 8 : 40;
      for (unsigned seed = 0; seed < num_estimates; ++seed) {
        estimates.add(entropy(random_normals(width, dimension, 100 + seed)).value);
      }
      const double exact = 0.5 * static_cast<double>(dimension) * std::log(2 * M_PI * M_E);
      rows.push_back({static_cast<double>(width), static_cast<double>(dimension), estimates.mean() - exact,
                      estimates.standard_error()});
    }
  }
  write_table(folder, "entropy", "particles,dimension,bias,standard_error", rows);
}

}  // namespace mfld
