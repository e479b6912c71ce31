#pragma once
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace mfld {

/// A table of numbers, NAME.csv in the folder.
inline void write_table(const std::filesystem::path& folder, std::string_view name, std::string_view columns,
                        const std::vector<std::vector<double>>& rows) {
  std::filesystem::create_directories(folder);
  const std::filesystem::path path = folder / fmt::format("{}.csv", name);
  std::ofstream file(path);
  file << columns << '\n';
  for (const auto& row : rows) {
    std::string line;
    for (const double number : row) {
      line += fmt::format("{}{:.10g}", line.empty() ? "" : ",", number);
    }
    file << line << '\n';
  }
  file.close();
  if (!file) {
    throw std::runtime_error(fmt::format("cannot write {}", path.string()));
  }
}

// One study each: what the program computes beside what is known exactly, as a table.

/// step_order.csv: relative error of E theta^2 in a quartic potential against the step size, for every step.
void study_step_order(const std::filesystem::path& folder);
/// width_order.csv: E theta^2 of N particles on the line at stationarity, with the exact value for N = 1, 2 and 16.
void study_width_order(const std::filesystem::path& folder);
/// certificate.csv: the gaps of particles on their way to the optimum; certificate_exact.csv: those of their law.
void study_certificate(const std::filesystem::path& folder);
/// convergence.csv: L - L* of linear neurons on their way to the optimum, simulated and exact.
void study_convergence(const std::filesystem::path& folder);
/// batch_noise.csv: what one sample a step adds to the error and to the drift, with and without snapshots, by the
/// width.
void study_batch_noise(const std::filesystem::path& folder);
/// rounding.csv: the worst errors of outputs and drift against plain loops in long double.
void study_rounding(const std::filesystem::path& folder);
/// entropy.csv: bias and error of the entropy of Gaussians against the dimension.
void study_entropy(const std::filesystem::path& folder);

}  // namespace mfld
