#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mfld/dynamics/simulation.hpp"
#include "mfld/record/memory_record.hpp"
#include "python/computing.hpp"
#include "python/python.hpp"

namespace mfld::python {

/// A simulation that Python holds and makes steps of. One call at a time: another thread that asks meanwhile, and a
/// callback out of the middle of a step, get a RuntimeError.
class Stepper {
 public:
  explicit Stepper(int num_threads) : num_threads_(threads_allowed(num_threads)) {}
  virtual ~Stepper() = default;
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  /// Makes exactly so many steps, fewer where the phases end; true once they have. Diverged where a particle is not
  /// finite any more. A signal, or an exception of what is called, ends it between two steps and is thrown.
  bool run(std::int64_t num_steps);

  virtual const StateNumbers& numbers() const = 0;
  virtual std::int64_t num_steps() const = 0;
  /// [N, p], of the state itself: it shows what the simulation has come to.
  virtual py::array particles(const py::handle& self) const = 0;
  virtual std::vector<std::string> parameter_names() const = 0;
  virtual std::vector<std::string> formulas() const = 0;
  /// g_j [N, p], penalty and all.
  py::array_t<double> drift();

  /// Those of a network: f(x) [n], columns by name (all those of the experiment for none), and what was recorded.
  py::array_t<double> outputs(const py::handle& inputs);
  std::vector<std::pair<std::string, double>> observe(const std::vector<std::string>& names);
  virtual const MemoryRecord* record() const { return nullptr; }

 protected:
  virtual Outcome advance(Attention& attention, std::int64_t step_limit) = 0;
  virtual Matrix drift_now() = 0;
  virtual Vector outputs_now(const Inputs& inputs);
  virtual std::vector<std::pair<std::string, double>> observe_now(const std::vector<std::string>& names);
  virtual Index input_dim() const { return 0; }

 private:
  int num_threads_;
  std::atomic<bool> busy_ = false;
};

/// A run that cannot go on: Python's mfld.Diverged.
class Diverged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of an experiment, by its path or in a dictionary; `loss` None or in place of its own; of several runs `only`.
std::unique_ptr<Stepper> stepper_of(const py::object& experiment, const py::dict& settings, const py::object& loss,
                                    const std::string& only, int num_threads);
/// Of seeds and phases in a dictionary, an objective and first particles.
std::unique_ptr<Stepper> stepper_of_objective(const py::object& course, const py::dict& settings,
                                              const py::object& objective, const py::object& particles,
                                              int num_threads);

}  // namespace mfld::python
