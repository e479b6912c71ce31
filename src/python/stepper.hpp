#pragma once
#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mfld/config/value.hpp"
#include "mfld/dynamics/simulation.hpp"
#include "mfld/record/memory_record.hpp"
#include "mfld/record/run_directory.hpp"
#include "mfld/task/given_arrays.hpp"
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
  /// The tangent kernel [n, m] at the particles; z None: x.
  py::array_t<double> tangent_kernel(const py::object& x, const py::object& z);

  /// Puts the particles elsewhere, [N, p], and changes numbers of the phases, by their dotted keys. Both are told in
  /// `history`, a sentence each.
  void set_particles(const py::handle& particles);
  void set(const py::dict& settings);
  const std::vector<std::string>& history() const { return history_; }
  /// Steps of each phase.
  virtual std::vector<std::int64_t> phase_steps() const = 0;

  /// Leaves a directory that a simulation can be resumed from.
  void save(const std::string& out, const std::string& command);
  /// The arrays that the experiment refers to, by their texts.
  virtual const GivenArrays& arrays() const = 0;
  /// What a run in memory gives (run_in_memory), so far.
  virtual py::dict result();

 protected:
  void remember(std::vector<std::string> history) { history_ = std::move(history); }
  virtual Outcome advance(Attention& attention, std::int64_t step_limit) = 0;
  virtual Matrix drift_now() = 0;
  virtual Vector outputs_now(const Inputs& inputs);
  virtual std::vector<std::pair<std::string, double>> observe_now(const std::vector<std::string>& names);
  virtual Index input_dim() const { return 0; }
  virtual Matrix tangent_kernel_now(const Inputs& x, const Inputs* z);
  virtual void put(const Inputs& particles) = 0;
  virtual void change(const std::vector<std::pair<std::string, Value>>& settings, GivenArrays& arrays) = 0;
  virtual void save_in(RunDirectory& directory, const std::string& command) = 0;
  /// InvalidInput unless the keys are of phases that are not over, and of numbers where the phase has begun.
  void check_settings(const std::vector<std::pair<std::string, Value>>& settings) const;

 private:
  int num_threads_;
  std::vector<std::string> history_;
  std::atomic<bool> busy_ = false;
};

/// A run that cannot go on: Python's mfld.Diverged.
class Diverged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Of an experiment, by its path or in a dictionary; `own` as for OwnParts; of several runs `only`.
std::unique_ptr<Stepper> stepper_of(const py::object& experiment, const py::dict& settings, const py::dict& own,
                                    const std::string& only, int num_threads);
/// Of a run that stopped in a folder: where it came to. arrays: those of its experiment; rows and trajectory: what it
/// recorded (recorded.hpp).
std::unique_ptr<Stepper> stepper_resumed(const std::string& folder, const py::dict& own, const py::list& arrays,
                                         const py::dict& rows, const py::object& trajectory, int num_threads);
/// Of seeds and phases in a dictionary, an objective and first particles.
std::unique_ptr<Stepper> stepper_of_objective(const py::object& course, const py::dict& settings,
                                              const py::object& objective, const py::object& particles,
                                              int num_threads);
/// The same where such a simulation was saved.
std::unique_ptr<Stepper> stepper_of_objective_resumed(const std::string& folder, const py::object& objective,
                                                      const py::list& arrays, int num_threads);

}  // namespace mfld::python
