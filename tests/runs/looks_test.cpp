// What a look reads and the step after it makes anyway is made once: the outputs on all training samples. Nothing that
// a run leaves tells of it.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "mfld/core/parallel.hpp"
#include "mfld/record/memory_record.hpp"
#include "mfld/record/run_directory.hpp"
#include "mfld/task/surroundings.hpp"
#include "runs/recorder.hpp"
#include "support/counting_model.hpp"
#include "support/every_phase.hpp"
#include "support/small_experiment.hpp"
#include "support/temporary_directory.hpp"
#include "support/thread_ranks.hpp"

namespace mfld {
namespace {

using namespace small_experiment;

constexpr Index num_train = 50;  // of a small experiment
constexpr Index num_test = 20;

/// A recorder that makes all outputs itself.
template <class Scalar>
class OnItsOwn : public Listener<Scalar> {
 public:
  explicit OnItsOwn(runs::Recorder<Scalar>& recorder) : recorder_(&recorder) {}
  bool wishes(const StateNumbers& state) const override { return recorder_->wishes(state); }
  void agreed(bool any_wishes) override { recorder_->agreed(any_wishes); }
  bool looks(const StateNumbers& state, Ending ending) override { return recorder_->looks(state, ending); }
  void hear(const State<Scalar>& state, Ending ending) override { recorder_->hear(state, ending); }
  bool ends_phase() const override { return recorder_->ends_phase(); }

 private:
  runs::Recorder<Scalar>* recorder_;
};

/// What a run is, bit by bit.
struct Trace {
  std::vector<std::int64_t> steps;
  std::vector<std::int64_t> phases;
  std::vector<std::int64_t> gradient_evaluations;
  std::vector<std::uint64_t> times;
  std::vector<std::uint64_t> values;
  std::vector<std::uint64_t> frames;
  std::vector<std::uint64_t> particles;
  std::int64_t evaluations_in_the_end = 0;
  Ending ending = Ending::running;
  bool operator==(const Trace&) const = default;
};

template <class Numbers>
void append_bits(const Numbers& numbers, std::vector<std::uint64_t>& bits) {
  for (Index i = 0; i < static_cast<Index>(numbers.size()); ++i) {
    bits.push_back(std::bit_cast<std::uint64_t>(static_cast<double>(numbers.data()[i])));
  }
}

template <class Scalar>
Trace trace_of(const Experiment& experiment, bool on_its_own, std::int64_t stop_at) {
  MemoryRecord memory;
  std::atomic<bool> stop = false;
  RunOptions options;
  options.until = [&](Moment& moment) {
    stop = moment.step() == stop_at;
    return false;
  };
  runs::Recorder<Scalar> recorder(experiment, memory, stop, options);
  OnItsOwn<Scalar> alone(recorder);
  State<Scalar> start;
  start.particles = experiment.initial.cast<Scalar>();
  Simulation<Scalar> simulation = runs::simulation_of<Scalar>(experiment, std::move(start));
  Listener<Scalar>& listener = on_its_own ? static_cast<Listener<Scalar>&>(alone) : recorder;
  Outcome outcome = simulation.run(listener, stop);
  if (stop_at >= 0) {
    EXPECT_EQ(outcome.end.ending, Ending::interrupted);
    stop = false;
    stop_at = -1;
    outcome = simulation.run(listener, stop);
  }
  Trace trace{memory.rows().step,
              memory.rows().phase,
              memory.rows().gradient_evaluations,
              {},
              {},
              {},
              {},
              simulation.state().gradient_evaluations,
              outcome.end.ending};
  append_bits(memory.rows().time, trace.times);
  append_bits(memory.rows().values, trace.values);
  for (const TrajectoryFrame& frame : memory.frames()) {
    append_bits(frame.positions, trace.frames);
  }
  append_bits(simulation.state().particles, trace.particles);
  return trace;
}

Trace trace_of(const Experiment& experiment, bool on_its_own, std::int64_t stop_at = -1) {
  return experiment.precision == Precision::single_precision ? trace_of<float>(experiment, on_its_own, stop_at)
                                                             : trace_of<double>(experiment, on_its_own, stop_at);
}

/// Passes over the training samples.
struct Passes {
  int outputs = 0;
  int drifts = 0;
  bool operator==(const Passes&) const = default;
};
void PrintTo(const Passes& passes, std::ostream* out) { *out << passes.outputs << " and " << passes.drifts; }

struct Counted {
  Passes passes;
  RunSummary summary;
  std::vector<std::int64_t> rows;
};

Counted counted(const std::vector<std::string>& settings) {
  Experiment experiment = build(settings);
  const auto model = std::make_shared<CountingModel>(experiment.model);
  experiment.model = model;
  MemoryRecord memory;
  Counted result;
  result.summary = run_experiment(experiment, memory, std::atomic<bool>(false));
  result.rows = memory.rows().step;
  result.passes = {model->num_outputs(num_train), model->num_drifts(num_train)};
  EXPECT_EQ(model->num_outputs(num_test), std::ssize(result.rows)) << "those of the test samples are of looks alone";
  return result;
}

std::vector<std::string> phase_of(const std::string& keys, const std::string& observe = "every = 1") {
  return {"phase=[{steps = 30, step_size = 0.1, " + keys + "}]",
          "observe={" + observe + ", columns = [\"train_loss\", \"test_loss\", \"objective\"]}"};
}

const std::string mfld = "method = \"mfld\", lambda1 = 0.01, lambda2 = 0.001";

/// What the phase takes with looks at its ends: one in the end, and what its advice looks at.
Passes at_ends(const std::string& keys) {
  const Counted ends = counted(phase_of(keys, "at = [0, 30]"));
  EXPECT_EQ(ends.rows, (std::vector<std::int64_t>{0, 30}));
  EXPECT_EQ(ends.passes.drifts, 30);
  EXPECT_LE(ends.passes.outputs, 3);
  return ends.passes;
}

TEST(Looks, AtEveryFullBatchStepTakeNoPassOverTheTrainingSamplesOfTheirOwn) {
  for (const std::string& keys :
       {mfld, std::string("method = \"gd\""), std::string("method = \"gld\", beta = 1000"),
        std::string("method = \"underdamped-mfld\", lambda2 = 0.001"),
        std::string("method = \"gd\", label_noise = 0.1"), std::string("method = \"gd\", step = \"sphere\""),
        std::string("method = \"gd\", until_gradient_norm = 1e-9")}) {
    for (const std::string precision : {"double", "single"}) {
      const Counted all = counted(plus(phase_of(keys), {"network.precision=" + precision}));
      EXPECT_EQ(all.rows.size(), 31U) << keys;
      EXPECT_EQ(all.passes, at_ends(keys)) << keys << ", " << precision;
    }
  }
}

TEST(Looks, OfRanksTakeNoPassOfTheirOwnEither) {
  const Passes expected = at_ends(mfld);
  const test::TemporaryDirectory folder;
  RunDirectory directory = RunDirectory::create(folder / "run");
  ThreadRanks(3).run([&](Ranks& ranks) {
    Surroundings surroundings(".");
    surroundings.num_ranks = ranks.count();
    surroundings.rank = ranks.rank();
    Experiment experiment = build_experiment(config(plus(phase_of(mfld), {"network.width=100"})), surroundings);
    EXPECT_TRUE(experiment.divided);
    const auto model = std::make_shared<CountingModel>(experiment.model);
    experiment.model = model;
    RunOptions options;
    options.ranks = &ranks;
    run_experiment(experiment, ranks.rank() == 0 ? &directory : nullptr, std::atomic<bool>(false), options);
    EXPECT_EQ((Passes{model->num_outputs(num_train), model->num_drifts(num_train)}), expected) << ranks.rank();
  });
}

// Those that see other samples or other particles make their own.
TEST(Looks, WhereTheStepDoesNotMakeTheOutputsTakeAPassEach) {
  const std::vector<std::pair<std::string, int>> phases = {
      {"method = \"sgd-mfld\", lambda2 = 0.001, batch_size = 5", 0},
      {"method = \"svrg-mfld\", lambda2 = 0.001, batch_size = 5, snapshot_every = 50", 1},
      {"method = \"gd\", samples = [0, 40]", 0},
      {"method = \"pda\", lambda1 = 0.1, lambda2 = 0.01, inner_steps = 7", 30}};
  for (const auto& [keys, num_drifts] : phases) {
    const Counted all = counted(phase_of(keys));
    EXPECT_GE(all.passes.outputs, 31) << keys;
    EXPECT_EQ(all.passes.drifts, num_drifts) << keys;
  }
  // The first iterate is the average of itself: that look reads the outputs of its step.
  EXPECT_GE(counted(phase_of(mfld + ", averaging = true")).passes.outputs, 30);
}

// A phase that ends where it is looked at has made an estimate for nothing, and counts it nowhere.
TEST(Looks, ThatEndAPhaseDropTheEstimate) {
  const auto settings = phase_of("method = \"mfld\", lambda2 = 0.001, until = {column = \"train_loss\", above = 0}");
  const Counted one = counted(settings);
  EXPECT_EQ(one.rows, (std::vector<std::int64_t>{0, 1}));
  EXPECT_EQ(one.summary.gradient_evaluations, num_train);
  EXPECT_EQ(one.passes.drifts, 2);
}

Experiment experiment_of(const std::string& text) { return build_experiment(parse_toml(text, "test.toml"), "."); }

TEST(Looks, OfEveryMethodAreThoseOfAListenerOnItsOwn) {
  for (const auto& [name, phase] : test::every_phase) {
    for (const std::string precision : {"double", "single"}) {
      SCOPED_TRACE(name + ", " + precision);
      for (const std::int64_t every_steps : {1, 3}) {
        std::string text = test::experiment_text(phase, precision, 0);
        text.replace(text.find("every = 3"), 9, fmt::format("every = {}", every_steps));
        const Experiment experiment = experiment_of(text);
        const Trace expected = with_threads(1, [&] { return trace_of(experiment, true); });
        EXPECT_EQ(with_threads(1, [&] { return trace_of(experiment, false); }), expected);
        EXPECT_EQ(with_threads(3, [&] { return trace_of(experiment, false); }), expected);
        // Told to stop by a look: the step that has begun is made, and the run goes on from there.
        const std::int64_t stop_at = every_steps * 2;
        EXPECT_EQ(trace_of(experiment, false, stop_at), expected);
      }
    }
  }
}

// Numbers that are none: of outputs, of the drift, of particles; and of phases that cannot begin.
TEST(Looks, OfRunsThatDivergeAreThoseOfAListenerOnItsOwn) {
  const std::string task = "seed = 3\n[task]\nkind = \"teacher-student\"\nnum_train = 30\nnum_test = 5\n";
  const std::string relu = "[network]\nwidth = 40\nneuron = \"r-sigma\"\nactivation = \"relu\"\n";
  for (const std::string phase :
       {"[[phase]]\nmethod = \"gd\"\nsteps = 200\nstep_size = 1e6\n",
        "[[phase]]\nmethod = \"gd\"\nsteps = 200\nstep_size = 1e30\n",
        "[[phase]]\nmethod = \"gd\"\nsteps = 5\nstep_size = 1e3\n[[phase]]\nmethod = \"mfld\"\nsteps = 5\n"
        "step_size = 0.1\nlambda2 = 0.1\nstep = \"ball\"\nradius = 0.01\n",
        "[[phase]]\nmethod = \"mfld\"\nsteps = 99\nstep_size = 1e5\nlambda2 = 1\nlambda1 = 1\nstep = \"kinetic\"\n"}) {
    SCOPED_TRACE(phase);
    const Experiment experiment = experiment_of(task + relu + phase + "[observe]\nevery = 1\n");
    const Trace expected = trace_of(experiment, true);
    EXPECT_EQ(expected.ending, Ending::diverged);
    EXPECT_EQ(trace_of(experiment, false), expected);
  }
}

}  // namespace
}  // namespace mfld
