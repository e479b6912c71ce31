// The module mfld._mfld: thin functions, which the package in mfld/ dresses.
#include <filesystem>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/record/provenance.hpp"
#include "python/arrays.hpp"
#include "python/kernel.hpp"
#include "python/own_parts.hpp"
#include "python/recorded.hpp"
#include "python/runs.hpp"
#include "python/stepper.hpp"

namespace mfld::python {

namespace {

void translate_errors(py::module_& module) {
  static py::exception<Diverged> diverged(module, "Diverged", PyExc_ArithmeticError);
  diverged.attr("__doc__") = "A simulation whose particles are no longer finite; the sentence names step and particle.";
  py::register_local_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) {
        std::rethrow_exception(std::move(thrown));
      }
    } catch (const Diverged& error) {
      PyErr_SetString(diverged.ptr(), error.what());
    } catch (const InvalidInput& error) {
      PyErr_SetString(PyExc_ValueError, error.what());
    } catch (const FileError& error) {
      PyErr_SetString(PyExc_OSError, error.what());
    } catch (const Interrupted& error) {
      PyErr_SetString(PyExc_KeyboardInterrupt, error.what());
    } catch (const std::filesystem::filesystem_error& error) {
      PyErr_SetString(PyExc_OSError, error.what());
    } catch (const std::bad_alloc&) {
      PyErr_SetString(PyExc_MemoryError, "the experiment does not fit into the memory of this machine");
    }
  });
}

void define_stepper(py::module_& module) {
  py::class_<Stepper>(module, "Stepper")
      .def("run", &Stepper::run)
      .def_property_readonly("step", [](const Stepper& stepper) { return stepper.numbers().step; })
      .def_property_readonly("phase", [](const Stepper& stepper) { return stepper.numbers().phase; })
      .def_property_readonly("time", [](const Stepper& stepper) { return stepper.numbers().time; })
      .def_property_readonly("gradient_evaluations",
                             [](const Stepper& stepper) { return stepper.numbers().gradient_evaluations; })
      .def_property_readonly("num_steps", &Stepper::num_steps)
      .def_property_readonly("particles",
                             [](const py::object& self) { return self.cast<const Stepper&>().particles(self); })
      .def_property_readonly("parameter_names", &Stepper::parameter_names)
      .def_property_readonly("formulas", &Stepper::formulas)
      .def("drift", &Stepper::drift)
      .def("outputs", &Stepper::outputs)
      .def("observe", &Stepper::observe)
      .def("tangent_kernel", &Stepper::tangent_kernel)
      .def("set_particles", &Stepper::set_particles)
      .def("set", &Stepper::set)
      .def_property_readonly("history", &Stepper::history)
      .def_property_readonly("phase_steps", &Stepper::phase_steps)
      .def("save", &Stepper::save)
      .def("result", &Stepper::result)
      .def("arrays",
           [](const Stepper& stepper) {
             py::list arrays;
             for (const auto& [text, array] : stepper.arrays().all()) {
               arrays.append(array_of(array));
             }
             return arrays;
           })
      .def("rows", [](const Stepper& stepper) -> py::object {
        return stepper.record() == nullptr ? py::none() : py::object(rows_of(*stepper.record()));
      });
  module.def("stepper", &stepper_of);
  module.def("stepper_resumed", &stepper_resumed);
  module.def("stepper_of_objective", &stepper_of_objective);
  module.def("stepper_of_objective_resumed", &stepper_of_objective_resumed);
}

void define_looks(py::module_& module) {
  py::class_<Look, std::shared_ptr<Look>>(module, "Look")
      .def_property_readonly("step", &Look::step)
      .def_property_readonly("particles", &Look::particles)
      .def_property_readonly("initial_particles", &Look::initial_particles)
      .def_property_readonly("drift", &Look::drift)
      .def_property_readonly("train_outputs", &Look::train_outputs)
      .def_property_readonly("test_outputs", &Look::test_outputs)
      .def_property_readonly("objective", &Look::objective)
      .def("outputs", &Look::outputs);
}

void define_runs(py::module_& module) {
  module.def("run_in_folder", [](const py::object& experiment, const py::dict& settings, const std::string& out,
                                 const py::dict& own, const py::object& progress, int threads, const std::string& only,
                                 int jobs, const std::string& command, std::int64_t shard, std::int64_t num_shards) {
    run_in_folder(experiment, settings, out, {own, progress, threads, only, jobs, shard, num_shards, command});
  });
  module.def("run_in_memory", [](const py::object& experiment, const py::dict& settings, const py::dict& own,
                                 const py::object& progress, int threads, const std::string& only) {
    return run_in_memory(experiment, settings, {own, progress, threads, only, 1, 1, 1, ""});
  });
  module.def("runs", &runs_of);
}

void define_kernels(py::module_& module) {
  module.def("kernel",
             [](const py::object& x, const py::object& z, const std::string& convention, const std::string& activation,
                std::optional<int> depth, std::optional<double> weight_variance, std::optional<double> bias_variance,
                const std::string& part, int threads) {
               return kernel(x, z, {convention, activation, depth, weight_variance, bias_variance, part, threads});
             });
  module.def("kernel_regression", &kernel_regression);
}

}  // namespace

}  // namespace mfld::python

PYBIND11_MODULE(_mfld, module) {
  module.doc() = "The part of mfld that is compiled; the package has the words on it.";
  module.attr("version") = mfld::version();
  mfld::python::translate_errors(module);
  mfld::python::define_looks(module);
  mfld::python::define_stepper(module);
  mfld::python::define_runs(module);
  mfld::python::define_kernels(module);
}
