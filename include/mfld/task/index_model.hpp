#pragma once
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "mfld/task/teacher_student.hpp"

namespace mfld {

/// y = link(z) + noise on the first coordinates of z (x = z, or a rotation of it).
enum class IndexLink { relu, tanh, erf, hermite2, hermite3, product, staircase, bump };

struct IndexLinkInfo {
  IndexLink value;
  std::string_view name;
  std::string_view formula;
  Index num_directions;  // that it reads (the relevant subspace's dimension); 0 for `bump`, which reads all of z
};

/// The table behind `mfld list links`.
inline constexpr auto index_links = std::to_array<IndexLinkInfo>({
    {IndexLink::relu, "relu", "max(z_1, 0)", 1},
    {IndexLink::tanh, "tanh", "tanh(z_1)", 1},
    {IndexLink::erf, "erf", "erf(z_1)", 1},
    {IndexLink::hermite2, "hermite2", "(z_1^2 - 1) / sqrt 2", 1},
    {IndexLink::hermite3, "hermite3", "(z_1^3 - 3 z_1) / sqrt 6", 1},
    {IndexLink::product, "product", "z_1 z_2", 2},
    {IndexLink::staircase, "staircase", "z_1 + z_1 z_2 + z_1 z_2 z_3", 3},
    {IndexLink::bump, "bump", "exp(-|z - e_1|^2 / (2 d))", 0},
});

struct IndexModelOptions {
  Index input_dim = 15;
  Index num_train = 1000;
  Index num_test = 1000;
  IndexLink link = IndexLink::product;
  bool cube_inputs = false;  // x uniform on {-1, +1}^d instead of N(0, I)
  bool rotate = false;
  LabelNoise label_noise = LabelNoise::none;
  double noise_level = 0;
};

/// How many directions the link reads.
Index num_directions(IndexLink link);

Dataset make_index_model(const IndexModelOptions& options, std::uint64_t seed);

}  // namespace mfld
