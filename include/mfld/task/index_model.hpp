#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "mfld/task/teacher_student.hpp"

namespace mfld {

/// y = link(x_1, .., x_k) + noise on the first k coordinates (after an optional rotation)
enum class IndexLink {
  relu,       // k = 1: max(x_1, 0)
  tanh,       // k = 1
  erf,        // k = 1
  hermite2,   // k = 1: (x_1^2 - 1) / sqrt 2
  hermite3,   // k = 1: (x_1^3 - 3 x_1) / sqrt 6
  product,    // k = 2: x_1 x_2
  staircase,  // k = 3: x_1 + x_1 x_2 + x_1 x_2 x_3
  bump,       // exp(-|x - a|^2 / (2 d)), a = e_1
};

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

/// How many directions the link reads (the relevant subspace's dimension); 0 for `bump`, which reads all of x.
Index num_directions(IndexLink link);

Dataset make_index_model(const IndexModelOptions& options, std::uint64_t seed);

}  // namespace mfld
