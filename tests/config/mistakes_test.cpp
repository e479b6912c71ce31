// What an experiment file can say that is wrong, and the sentence for it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "support/small_experiment.hpp"

namespace mfld {
namespace {

using namespace small_experiment;

struct Mistake {
  std::vector<std::string> settings;
  std::string sentence;
};

TEST(Experiment, EveryMistakeIsOneSentence) {
  const std::vector<Mistake> mistakes = {
      {{"network.widht=3"}, "unknown key network.widht; did you mean network.width?"},
      {{"task.kind=teacher-studnt"},
       "task.kind = \"teacher-studnt\": must be one of \"teacher-student\", \"sparse-parity\", "
       "\"single-index\", \"multi-index\", \"harmonics\", \"mixture\", \"file\", \"arrays\"; did you mean "
       "\"teacher-student\"?"},
      {{"task.sparsity=2"}, "task.sparsity = 2: is only read with task.kind = \"sparse-parity\""},
      {{"task.num_train=-3"}, "task.num_train = -3: must be an integer >= 1"},
      {{"task.num_train=1000000000000"}, "task.num_train = 1000000000000: the inputs need"},
      {{"seed=-1"}, "seed = -1: must be an integer >= 0"},
      {{"noise.substeps=2000"}, "noise.substeps = 2000: must be an integer from 1 to 1024"},
      {{"noise.law=uniform"}, "noise.law = \"uniform\": must be one of \"gaussian\", \"three-point\""},
      {{"noise.law=three-point", "noise.substeps=2"},
       "noise.substeps = 2: must be 1 with law = \"three-point\": sums of its steps are no coarser steps of one path"},
      {{"noise.law=three-point", "noise.precision=double"},
       "noise.precision = \"double\": must be \"own\" with law = \"three-point\", which is the same in both"},
      {{"noise.law=three-point", "phase.0.step=ball", "phase.0.radius=20"},
       "phase.0.step = \"ball\": must be \"euler-maruyama\" or \"kinetic\" with noise.law = \"three-point\""},
      {{"noise.precision=float"}, "noise.precision = \"float\": must be one of \"own\", \"double\", \"single\""},
      {{"network.width=0"}, "network.width = 0: must be an integer from 1 to 2147483648"},
      {{"network.width=\"ten\""}, "network.width = \"ten\": is a string, must be an integer from 1 to 2147483648"},
      {{"network.width=2147483648", "task.input_dim=2000"}, "network.width = 2147483648: the particles need"},
      {{"network.width=11", "network.init.symmetric=true"},
       "network.init.symmetric = true: needs an even network.width, not 11"},
      {{"network.neuron=parity", "network.init.symmetric=true"},
       "network.init.symmetric = true: needs a neuron that is odd in its output weight, not parity"},
      {{"network.neuron=linear", "network.bias=true"}, "network.bias = true: must be false for the neuron linear"},
      {{"network.neuron=parity", "network.activation=relu"},
       "network.activation = \"relu\": must be \"tanh\", which is part of the neuron parity"},
      {{"network.bound=2"},
       "network.bound = 2: is only read with network.neuron = bounded-r, parity, parity-unbounded"},
      {{"network.alpha=2"}, "network.alpha = 2: is only read with network.scaling = \"alpha\""},
      {plus(gd, {"network.scaling=alpha"}),
       "network.alpha: is missing, must be a finite number > 0 (f = alpha/N sum_j h)"},
      {{"network.scaling=ntk"},
       "phase.0.method = \"mfld\": is defined in the mean-field scaling only, and network.scaling is \"ntk\", which "
       "takes "
       "gd, gld, sgld"},
      {{"network.train=[]"}, "network.train = []: must name at least one block"},
      {{"network.neuron=fixed-sign", "network.train=[\"output\"]"},
       "network.train = [\"output\"]: \"output\" is none of what the neuron fixed-sign without bias can train: input"},
      {{"network.bias=false", "network.train=[\"bias\"]"},
       "network.train = [\"bias\"]: \"bias\" is none of what the neuron r-sigma without bias can train: input, output"},
      {{"network.init.input_std=nan"}, "network.init.input_std = nan: must be a finite number >= 0"},
      {{"network.neuron=fixed-sign", "network.init.output_law=gaussian"},
       "network.init.output_law = \"gaussian\": must be \"sign\" for the neuron fixed-sign"},
      {{"loss.kind=logistic"}, "loss.kind = \"logistic\": needs labels -1 and +1, and the label of training sample"},
      {{"loss.delta=1"}, "loss.delta = 1: is only read with loss.kind = \"huber\""},
      {{"phase=[]"}, "phase = []: an experiment needs at least one [[phase]]"},
      {{"phase=3"}, "phase = 3: must be a list of tables, [[phase]]"},
      {{"phase.0.method=mfdl"},
       "phase.0.method = \"mfdl\": must be one of \"gd\", \"gld\", \"sgld\", \"mfld\", \"underdamped-mfld\", "
       "\"sgd-mfld\", \"svrg-mfld\", \"pda\", \"p-sdca\", \"sgd\", \"averaged-sgd\", \"natural-gradient\""},
      {{"phase.0.beta=10"}, "phase.0.beta = 10: mfld takes lambda2, the temperature itself, instead"},
      {plus(gld, {"phase.0.lambda2=1"}), "phase.0.lambda2 = 1: gld takes beta, the inverse temperature, instead"},
      {plus(gd, {"phase.0.lambda2=1"}),
       "phase.0.lambda2 = 1: is only read with method = mfld, underdamped-mfld, sgd-mfld, svrg-mfld, pda, p-sdca"},
      {plus(gd, {"phase.0.beta=1"}), "phase.0.beta = 1: is only read with method = gld, sgld"},
      {plus(gd, {"phase.0.penalty_mode=product"}),
       "phase.0.penalty_mode = \"product\": multiplies lambda1 by the temperature, which gd does not have"},
      {{"phase.0.step_size=0"}, "phase.0.step_size = 0: must be a finite number > 0"},
      {{"phase.0.step_size={kind = \"exponential\", value = 1}"},
       "phase.0.step_size.final: is missing, must be a finite number > 0 (value at the last step)"},
      {{"phase.0.lambda2={kind = \"exponential\", value = 0, final = 1}"},
       "phase.0.lambda2.value = 0: must be > 0 for an exponential schedule"},
      {{"phase.0.step_size={value = 1, timescale = 1}"},
       "phase.0.step_size.timescale = 1: is only read with kind = \"inverse\", \"logarithmic\" or \"halving\""},
      {{"phase=[{method = \"gd\", steps = 1000000000000000, step_size = 1}, {method = \"gd\", steps = 1, step_size = "
        "1}]"},
       "phase.1.steps = 1: the phases up to this one make 1000000000000001 steps, and all of them may make "
       "1000000000000000 at most"},
      {{"phase.0.steps=-1"}, "phase.0.steps = -1: must be an integer from 0 to 1000000000000000"},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=51"},
       "phase.0.batch_size = 51: must be at most 50, the number of training samples"},
      {{"phase.0.method=sgd-mfld"}, "phase.0.batch_size: is missing, must be an integer >= 1"},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=5", "phase.0.until_gradient_norm=0.1"},
       "phase.0.until_gradient_norm = 0.1: is only read with method = gd, gld, mfld, underdamped-mfld"},
      {{"phase.0.until=3"}, "phase.0.until = 3: is an integer, must be a table"},
      {{"phase.0.until={below = 1}"}, "phase.0.until.column: is missing, must be a string"},
      {{"phase.0.until={column = \"time\"}"}, "phase.0.until.below: one of below and above must be given"},
      {{"phase.0.until={column = \"time\", below = 1, above = 2}"},
       "phase.0.until.above = 2: only one of below and above can be given"},
      {{"phase.0.until={column = \"time\", below = nan}"}, "phase.0.until.below = nan: must be a finite number"},
      {{"phase.0.until={column = \"time\", below = 1, held = 0}"}, "phase.0.until.held = 0: must be an integer >= 1"},
      {{"phase.0.until={column = \"time\", below = 1, hold = 2}"},
       "unknown key phase.0.until.hold; did you mean phase.until.held?"},
      {{"phase.0.until={column = \"trian_loss\", below = 1}"},
       "phase.0.until.column: \"trian_loss\" is no column of metrics.csv (did you mean \"train_loss\"?); this "
       "experiment has step, phase, time, gradient_evaluations and those of train_loss, "},
      {{"phase.0.until={column = \"teacher_cosines\", below = 1}"},
       "phase.0.until.column: \"teacher_cosines\" has the columns teacher_cosine_1, teacher_cosine_2; name one"},
      {{"phase.0.until={column = \"train_accuracy\", above = 0.9}"},
       "phase.0.until.column: \"train_accuracy\" needs labels that are all -1 or +1"},
      {{"phase.0={method = \"kernel-regression\", until = {column = \"train_loss\", below = 1}}"},
       "phase.0.until = { column = \"train_loss\", below = 1 }: is only read with a method that takes steps"},
      {{"phase.0.batch_size=5"}, "phase.0.batch_size = 5: is only read with method = sgld, sgd-mfld, svrg-mfld"},
      {plus(averaged_sgd, {"phase.0.steps=51"}),
       "phase.0.steps = 51: must be at most 50 with sampling = \"one-pass\" and batch_size = 1, which use each of the "
       "50 training samples once"},
      {plus(averaged_sgd, {"phase.0.batch_size=7"}), "phase.0.steps = 50: must be at most 7 with"},
      {{"phase=[{method = \"averaged-sgd\", steps = 50, step_size = 1}, {method = \"averaged-sgd\", steps = 1, "
        "step_size = 1}]"},
       "phase.1.steps = 1: must be 0 with sampling = \"one-pass\": the phases before use each of the 50 training "
       "samples "
       "once"},
      {plus(svrg, {"phase.0.sampling=one-pass"}),
       "phase.0.sampling = \"one-pass\": needs fresh samples only, and svrg-mfld goes back to old ones"},
      {plus(gd, {"phase.0.sampling=one-pass"}), "phase.0.sampling = \"one-pass\": is only read with method = sgld, "},
      {plus(svrg, {"phase.0.sampling=symmetric-sweep"}),
       "phase.0.sampling = \"symmetric-sweep\": needs every batch of a sweep, and svrg-mfld takes no batch where it "
       "takes a snapshot"},
      {{"phase.0.method=pda"}, "phase.0.inner_steps: is missing, must be an integer >= 1"},
      {{"phase.0.method=pda", "phase.0.inner_steps=0"}, "phase.0.inner_steps = 0: must be an integer >= 1"},
      {{"phase.0.lambda1_fourth=-1"}, "phase.0.lambda1_fourth = -1: must be a finite number >= 0"},
      {plus(natural_gradient, {"phase.0.lambda1_fourth=1"}), "phase.0.lambda1_fourth = 1: is only read with method = "},
      {{"phase.0.lambda1_fourth=1", "observe.columns=[\"dual_bound\"]", "network.neuron=bounded-r"},
       "observe.columns: \"dual_bound\" needs a phase with lambda1 > 0, lambda2 > 0 and anchor = \"zero\", and in "
       "phase.0 the penalty has a fourth power (lambda1_fourth)"},
      {{"phase.0.step=sphere", "observe.columns=[\"free_energy\"]"},
       "observe.columns: \"free_energy\" needs a phase with lambda1 > 0, lambda2 > 0 and anchor = \"zero\", and in "
       "phase.0 the particles stay on a sphere (step)"},
      {{"phase.0.step=sphere", "phase.0.averaging=true"},
       "phase.0.step = \"sphere\": keeps the particles on spheres, and averages of them are inside; set averaging = "
       "false, or another step"},
      {plus(natural_gradient, {"phase.0.step=sphere"}),
       "phase.0.step = \"sphere\": keeps the particles in a set, and natural-gradient takes euler-maruyama only"},
      {{"phase.0.step=ball", "phase.0.radius=0"}, "phase.0.radius = 0: must be a finite number > 0"},
      {{"phase.0.radius=2"}, "phase.0.radius = 2: is only read with step = ball"},
      {{"phase.0.step=ball", "phase.0.radius=0.1"}, "phase.0.radius = 0.1: must be above "},
      {{"phase.0.step=ball"}, "phase.0.radius = 1.0: must be above "},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.fresh_samples=9"},
       "phase.0.fresh_samples = 9: takes each of the 50 training samples once, and there are 6 outer iterations"},
      {{"phase.0.fresh_samples=5"}, "phase.0.fresh_samples = 5: is only read with method = pda"},
      {{"phase.0.step=sphere", "phase.0.until_gradient_norm=1"},
       "phase.0.until_gradient_norm = 1: is of the whole gradient, and its part along the radius does not vanish with "
       "step = \"sphere\""},
      {{"phase.0.label_noise=-1"}, "phase.0.label_noise = -1: must be a finite number >= 0"},
      {plus(parity, {"loss.kind=logistic", "phase.0.label_noise=1"}),
       "phase.0.label_noise = 1: is added to labels, and loss.kind = \"logistic\" needs them to be -1 and +1"},
      {{"phase.0.samples=[3, 3]"}, "phase.0.samples = [3, 3]: must be [first, end) with first < end, or [] for all"},
      {{"phase.0.samples=[3, 51]"},
       "phase.0.samples = [3, 51]: must end at 50, the number of training samples, or before"},
      {{"phase.0.method=sgd-mfld", "phase.0.batch_size=11", "phase.0.samples=[10, 20]"},
       "phase.0.batch_size = 11: must be at most 10, the number of samples of the phase"},
      {plus(svrg, {"phase.0.samples=[0, 9]"}), "phase.0.samples = [0, 9]: is only read with method = gd, gld, sgld, "},
      {plus(averaged_sgd, {"phase.0.samples=[0, 9]"}),
       "phase.0.samples = [0, 9]: cannot be given with sampling = \"one-pass\", which takes the samples that no such "
       "phase before has used"},
      {{"phase.0.inner_steps=5"}, "phase.0.inner_steps = 5: is only read with method = pda, p-sdca"},
      {{"phase.0.coordinate_steps=5"}, "phase.0.coordinate_steps = 5: is only read with method = p-sdca"},
      {plus(p_sdca, {"phase.0.effective_share=1.1"}), "phase.0.effective_share = 1.1: must be a number in [0, 1]"},
      {plus(p_sdca, {"phase.0.coordinate_steps=0"}), "phase.0.coordinate_steps = 0: must be an integer >= 1"},
      {plus(p_sdca, {"phase.0.batch_size=5"}), "phase.0.batch_size = 5: is only read with method = "},
      {plus(p_sdca, {"network.neuron=r-sigma"}),
       "phase.0.method = \"p-sdca\": needs a bounded neuron (bounded-r or sigma with activation tanh, erf or sigmoid; "
       "parity), and network.neuron is \"r-sigma\" with tanh"},
      {plus(p_sdca, {"network.activation=relu"}),
       "phase.0.method = \"p-sdca\": needs a bounded neuron (bounded-r or sigma with activation tanh, erf or sigmoid; "
       "parity), and network.neuron is \"bounded-r\" with relu"},
      {plus(p_sdca, {"network.train=[\"input\"]"}),
       "phase.0.method = \"p-sdca\": needs a network all of whose parameters are trained (network.train, and not the "
       "neuron fixed-sign)"},
      {plus(p_sdca, {"network.linearised=true"}),
       "phase.0.method = \"p-sdca\": needs a network that is not linearised: its neurons are not bounded"},
      {plus(p_sdca, {"network.scaling=ntk"}), "phase.0.method = \"p-sdca\": is defined in the mean-field scaling only"},
      {plus(p_sdca, {"phase.0.lambda1=0"}), "phase.0.lambda1 = 0: must be > 0 at every step with p-sdca"},
      {plus(p_sdca, {"phase.0.lambda2={value = 0.1, off_fraction = 0.2}"}),
       "phase.0.lambda2 = { value = 0.1, off_fraction = 0.2 }: must be > 0 at every step with p-sdca"},
      {plus(p_sdca, {"phase.0.anchor=start"}), "phase.0.anchor = \"start\": must be \"zero\" with p-sdca"},
      {plus(p_sdca, {"phase.0.averaging=true"}), "phase.0.averaging = true: must be false with p-sdca"},
      {plus(p_sdca, {"phase.0.label_noise=1"}), "phase.0.label_noise = 1: must be 0 with p-sdca"},
      {plus(p_sdca, {"phase.0.step=sphere"}), "phase.0.step = \"sphere\": keeps every particle at its own distance"},
      {{"observe.columns=[\"sdca_gap\"]"}, "observe.columns: \"sdca_gap\" needs a phase with method = \"p-sdca\""},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.anchor=start"},
       "phase.0.anchor = \"start\": must be \"zero\" with pda, which averages the penalty from 0"},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.averaging=true"},
       "phase.0.averaging = true: must be false with pda, which averages coefficients and predicts with its last "
       "iterate; iterate = \"weighted\" is another one"},
      {{"phase.0.iterate=weighted"}, "phase.0.iterate = \"weighted\": is only read with method = pda"},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.iterate=wieghted"},
       "phase.0.iterate = \"wieghted\": must be one of \"last\", \"weighted\"; did you mean \"weighted\"?"},
      {{"phase.0.method=pda", "phase.0.inner_steps=31", "phase.0.iterate=weighted"},
       "phase.0.iterate = \"weighted\": is drawn of iterations that have ended, and a phase of 30 steps ends none of "
       "31 "
       "(inner_steps)"},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.iterate=weighted", "phase.0.step=kinetic"},
       "phase.0.step = \"kinetic\": gives the particles momentum, and iterate = \"weighted\" keeps their positions "
       "alone"},
      {{"phase.0.method=pda", "phase.0.inner_steps=5", "phase.0.until_gradient_norm=1"},
       "phase.0.until_gradient_norm = 1: is only read with method = gd, gld, mfld, underdamped-mfld"},
      {plus(gd, {"phase.0.anchor=strat"}),
       "phase.0.anchor = \"strat\": must be one of \"zero\", \"start\"; did you mean \"start\"?"},
      {plus(gd, {"phase.0.damping=1"}), "phase.0.damping = 1: is only read with method = natural-gradient"},
      {plus(natural_gradient, {"phase.0.damping=-1"}), "phase.0.damping = -1: must be a finite number >= 0"},
      {plus(natural_gradient, {"phase.0.damping=0"}),
       "phase.0.damping = 0: must be > 0 where training samples (50) are more than trained parameters (40)"},
      {plus(natural_gradient, {"loss.kind=huber"}),
       "phase.0.method = \"natural-gradient\": is defined for the squared loss, and loss.kind is \"huber\""},
      {plus(natural_gradient, {"task.num_train=1000000"}),
       "phase.0.method = \"natural-gradient\": two matrices of n x n numbers need 1.49e+04 GiB"},
      {plus(natural_gradient, {"phase.0.lambda1=1"}),
       "phase.0.lambda1 = 1: is only read with method = gd, gld, sgld, "},
      {plus(natural_gradient, {"phase.0.anchor=start"}), "phase.0.anchor = \"start\": is only read with method = gd, "},
      {{"phase.0.step=kinetik"},
       "phase.0.step = \"kinetik\": must be one of \"euler-maruyama\", \"leimkuhler-matthews\", \"sphere\", \"ball\", "
       "\"kinetic\"; did you mean \"kinetic\"?"},
      {{"phase.0.step=kinetic", "phase.0.friction=0"}, "phase.0.friction = 0: must be a finite number > 0"},
      {{"phase.0.friction=1"}, "phase.0.friction = 1: is only read with step = kinetic"},
      {{"phase.0.step=kinetic", "phase.0.averaging=true"},
       "phase.0.step = \"kinetic\": gives the particles momentum, and averaging takes the mean of their positions "
       "alone"},
      {plus(natural_gradient, {"phase.0.step=kinetic"}),
       "phase.0.step = \"kinetic\": gives the particles momentum, and natural-gradient takes euler-maruyama only"},
      {{"phase.0.method=underdamped-mfld", "phase.0.step=euler-maruyama"},
       "phase.0.step = \"euler-maruyama\": underdamped-mfld is mfld with step = kinetic; take method = mfld for "
       "another"},
      {plus(gd, {"phase.0.step=leimkuhler-matthews"}),
       "phase.0.step = \"leimkuhler-matthews\": averages the noise of two steps, and gd has none"},
      {{"phase.0.step=leimkuhler-matthews", "phase.0.lambda2=0"},
       "phase.0.step = \"leimkuhler-matthews\": averages the noise of two steps, and the temperature is 0"},
      {plus(natural_gradient, {"phase.0.batch_size=1"}), "phase.0.batch_size = 1: is only read with method = sgld, "},
      {{"observe={every = 2, at = [1]}"}, "observe.every = 2: only one of every, log_spaced and at can be given"},
      {{"observe.certificate_samples=100"},
       "observe.certificate_samples = 100: must be an integer from 512 to 1048576"},
      {{"observe.certified_gap_at=[3]"},
       "observe.certified_gap_at = [3]: is only read with certified_gap among observe.columns"},
      {{"network.neuron=bounded-r", "observe.columns=[\"certified_gap\"]"}, "observe.certified_gap_at"},
      {{"network.neuron=bounded-r", "observe.columns=[\"certified_gap\"]", "observe.certified_gap_at=[]"},
       "observe.certified_gap_at = []: must name a step at least"},
      {{"observe.log_spaced=1"}, "observe.log_spaced = 1: must be an integer from 2 to 1000000"},
      {{"observe.columns=[\"trian_loss\"]"}, "observe.columns"},
      {{"observe.trajectory.particles=11"},
       "observe.trajectory.particles = 11: must be between 0 and network.width = 10"},
      {{"observe.trajectory.particles=[10]"},
       "observe.trajectory.particles = [10]: must be a list, each an integer from 0 to 9"},
      {{"observe.trajectory.particles=some"},
       "observe.trajectory.particles = \"some\": must be \"none\", \"all\", a count, or a list of particles"},
      {{"observe.trajectory={particles = 2, velocities = true}"},
       "observe.trajectory.velocities = true: is only read with particles and a phase of step = kinetic"},
      {{"phase.0.step=kinetic", "observe.trajectory.velocities=true"},
       "observe.trajectory.velocities = true: is only read with particles and a phase of step = kinetic"},
      {{"checkpoint.every_minutes=-1"}, "checkpoint.every_minutes = -1: must be a finite number >= 0"},
      {{"task.angles=[0]", "task.input_dim=3"}, "task.angles = [0]: needs task.input_dim = 2, not 3"},
      {{"task.directions=[[1, 2, 3]]"},
       "task.directions = [[1, 2, 3]]: has rows of 3 numbers, which must have input_dim = 2"},
      {{"task.directions=[[1, 2], [3]]"}, "task.directions = [[1, 2], [3]]: row 2 has 1 numbers, and row 1 has 2"},
      {{"task.directions=[[]]"}, "task.directions = [[]]: row 1 must not be empty"},
      {{"task.directions=[[0, 0]]"}, "task.directions = [[0, 0]]: row 1 has length 0, which must be finite and > 0"},
      {{"task.num_teachers=3"}, "task.num_teachers = 3: must be at most input_dim = 2, for orthonormal directions"},
      {{"task.amplitudes=[1]"}, "task.amplitudes = [1]: has 1 numbers and must have num_teachers = 2"},
      {{"task.noise_level=1"},
       "task.noise_level = 1: is only read with task.label_noise = \"uniform\" or \"gaussian\""},
      {plus(parity, {"task.sparsity=6"}), "task.sparsity = 6: must be between 1 and input_dim = 5"},
      {{"task={kind = \"multi-index\", link = \"staircase\", input_dim = 2}"},
       "task.input_dim = 2: must be at least 3, the coordinates that the link \"staircase\" reads"},
      {{"task={kind = \"harmonics\", input_dim = 1}"}, "task.input_dim = 1: must be at least 2, to have a sphere"},
      {{"task={kind = \"harmonics\", degrees = []}"}, "task.degrees = []: must name at least one degree"},
      {{"task={kind = \"harmonics\", degrees = [2, 2]}"}, "task.degrees = [2, 2]: 2 is listed twice"},
      {{"task={kind = \"harmonics\", degrees = [1, 2], amplitudes = [1]}"},
       "task.amplitudes = [1]: has 1 numbers and must have 2, one a degree"},
      {{"task={kind = \"single-index\", link = \"hermite2\", inputs = \"cube\"}"},
       "task.link = \"hermite2\": must have gaussian inputs: every label on the cube is 0"},
      {{"task={kind = \"file\", path = \"none.csv\"}"}, "task.path = \"none.csv\": there is no file "},
      {{"network=3"}, "network = 3: is an integer, must be a table"},
      {{"task=3"}, "task = 3: is an integer, must be a table"},
  };
  for (const Mistake& mistake : mistakes) {
    const std::string error = error_of(mistake.settings);
    EXPECT_TRUE(error.starts_with(mistake.sentence)) << error << "\nshould be: " << mistake.sentence;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
  }
}

// Of several runs, wrong data concern one, and wrong options all.
TEST(Experiment, WhatIsWrongWithATableIsToldFromWhatIsWrongWithItsOptions) {
  const auto refusal = [](const std::string& options) -> std::pair<bool, std::string> {
    const std::string task = fmt::format("task={{kind = \"file\", path = \"{}/tests/support/data/table.npy\", {}}}",
                                         MFLD_SOURCE_DIR, options);
    try {
      build({task});
    } catch (const WrongData& error) {
      return {true, error.what()};
    } catch (const InvalidInput& error) {
      return {false, error.what()};
    }
    return {};
  };
  using Refusal = std::pair<bool, std::string>;
  EXPECT_EQ(refusal("skip_lines = 1"), Refusal(false, "task.skip_lines = 1: must be 0: only a .csv file has lines"));
  EXPECT_EQ(refusal("header = \"no\""),
            Refusal(false, "task.header = \"no\": must be \"auto\": only a .csv file has lines"));
  EXPECT_EQ(refusal("test_fraction = 1"), Refusal(false, "task.test_fraction = 1: must be a number in [0, 1)"));
  const auto [is_of_data, sentence] = refusal("target_column = 9");
  EXPECT_TRUE(is_of_data);
  EXPECT_TRUE(sentence.starts_with("task.target_column = 9: must be in -4..3: ")) << sentence;
}

}  // namespace
}  // namespace mfld
