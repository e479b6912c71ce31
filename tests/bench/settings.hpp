#pragma once
#include <array>
#include <cmath>

#include "bench/mfld_steps.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/task/teacher_student.hpp"

namespace mfld::bench {

/// A size of problem. `compare` times the same ones.
struct Setting {
  const char* name;
  Index num_particles;
  Index num_samples;
  Index input_dim;
  Index batch_size = 0;  // 0: all samples
  bool signs = false;    // inputs of +-1 instead of Gaussian ones
};

inline constexpr std::array<Setting, 9> settings = {{
    {"A", 2000, 1000, 20},
    {"B", 10000, 2000, 10},
    {"C", 100000, 10000, 32},
    {"D", 2000, 1000, 20, 32},
    {"E", 2000, 2000, 784},
    {"P", 500, 400, 40, 0, true},
    {"T", 100, 1000, 20, 32},
    {"S40", 2000, 1000, 40, 0, true},
    {"S200", 2000, 1000, 200, 0, true},
}};

inline Dataset make_data(const Setting& setting) {
  TeacherStudentOptions options;
  options.input_dim = setting.input_dim;
  options.num_train = setting.num_samples;
  options.num_test = 0;
  Dataset data = make_teacher_student(options, 1);
  if (setting.signs) {
    data.train_inputs = data.train_inputs.unaryExpr([](double x) { return x > 0 ? 1.0 : -1.0; }).eval();
  }
  return data;
}

inline Particles<double> make_particles(const Setting& setting, const Neuron& neuron) {
  Initialisation law;
  law.input_std = 1 / std::sqrt(static_cast<double>(setting.input_dim));
  return initial_particles(law, neuron, setting.input_dim, setting.num_particles, 1);
}

template <class Scalar>
MfldSteps<Scalar> make_steps(const Setting& setting, const char* neuron_name = "tanh", const char* method = nullptr) {
  const Neuron neuron = neuron_of(neuron_name);
  const char* usual = setting.batch_size > 0 ? "sgd-mfld" : "mfld";
  return {neuron, make_data(setting), make_particles(setting, neuron).template cast<Scalar>(),
          phase_of(method == nullptr ? usual : method, setting.batch_size, 0.1, 1e-3, 1e-4)};
}

}  // namespace mfld::bench
