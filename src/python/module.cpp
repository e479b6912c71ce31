// The module mfld._mfld: thin functions, which the package in mfld/ dresses.
#include <filesystem>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/record/provenance.hpp"
#include "python/kernel.hpp"
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
      diverged(error.what());
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
      .def("rows", [](const Stepper& stepper) -> py::object {
        return stepper.record() == nullptr ? py::none() : py::object(rows_of(*stepper.record()));
      });
  module.def("stepper", &stepper_of);
  module.def("stepper_of_objective", &stepper_of_objective);
}

void define_runs(py::module_& module) {
  const auto arguments_of = [](const py::object& loss, const py::object& progress, int threads, const std::string& only,
                               int jobs, const std::string& command) {
    return RunArguments{loss, progress, threads, only, jobs, command};
  };
  module.def("run_in_folder",
             [arguments_of](const py::object& experiment, const py::dict& settings, const std::string& out,
                            const py::object& loss, const py::object& progress, int threads, const std::string& only,
                            int jobs, const std::string& command) {
               run_in_folder(experiment, settings, out, arguments_of(loss, progress, threads, only, jobs, command));
             });
  module.def("run_in_memory",
             [arguments_of](const py::object& experiment, const py::dict& settings, const py::object& loss,
                            const py::object& progress, int threads, const std::string& only) {
               return run_in_memory(experiment, settings, arguments_of(loss, progress, threads, only, 1, ""));
             });
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
  mfld::python::define_stepper(module);
  mfld::python::define_runs(module);
  mfld::python::define_kernels(module);
}
