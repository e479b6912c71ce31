// A step in the middle of a run asks for no memory. This program counts every request: through the hooks of a sanitizer
// where there is one, else by standing before the allocator of the C library, which operator new and Eigen call, too.
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>

#include "mfld/core/parallel.hpp"
#include "support/kernel_problem.hpp"

namespace {

std::atomic<bool> counting{false};
std::atomic<int> num_allocations{0};

void note() {
  if (counting) {
    ++num_allocations;
  }
}

}  // namespace

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MFLD_SANITIZER_ALLOCATES
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define MFLD_SANITIZER_ALLOCATES
#endif
#endif

extern "C" {
// What the sanitizers and the C library call themselves. NOLINTBEGIN(bugprone-reserved-identifier)
#ifdef MFLD_SANITIZER_ALLOCATES
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void*, std::size_t),
                                              void (*on_free)(const volatile void*));
#else
void* __libc_malloc(std::size_t size);
void* __libc_calloc(std::size_t count, std::size_t size);
void* __libc_realloc(void* old, std::size_t size);
void* __libc_memalign(std::size_t alignment, std::size_t size);
// NOLINTEND(bugprone-reserved-identifier)

void* malloc(std::size_t size) {
  note();
  return __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) {
  note();
  return __libc_calloc(count, size);
}
void* realloc(void* old, std::size_t size) {
  note();
  return __libc_realloc(old, size);
}
void* aligned_alloc(std::size_t alignment, std::size_t size) {
  note();
  return __libc_memalign(alignment, size);
}
void* memalign(std::size_t alignment, std::size_t size) {
  note();
  return __libc_memalign(alignment, size);
}
int posix_memalign(void** result, std::size_t alignment, std::size_t size) {
  note();
  *result = __libc_memalign(alignment, size);
  return *result == nullptr ? 12 : 0;
}
#endif
}

namespace mfld {
namespace {

void install_hooks() {
#ifdef MFLD_SANITIZER_ALLOCATES
  static const int installed = __sanitizer_install_malloc_and_free_hooks(
      [](const volatile void* /*memory*/, std::size_t /*size*/) { note(); }, [](const volatile void* /*memory*/) {});
  ASSERT_GT(installed, 0);
#endif
}

/// Counts what is allocated from the look before step `first` to the look before step `last`.
template <class Scalar>
class Meter : public Listener<Scalar> {
 public:
  Meter(std::int64_t first, std::int64_t last) : first_(first), last_(last) {}
  void hear(const State<Scalar>& state, Ending /*ending*/) override {
    if (state.step == first_) {
      num_allocations = 0;
      counting = true;
    } else if (state.step == last_) {
      counting = false;
    }
  }

 private:
  std::int64_t first_;
  std::int64_t last_;
};

template <class Scalar>
int allocations(const Phase& phase, int num_threads) {
  install_hooks();
  const Neuron neuron{NeuronKind::bounded_r, Activation::tanh, true, 1};
  const Dataset data = random_dataset(400, 20, {}, 1);
  const Network network(neuron, 20, {.kind = ScalingKind::mean_field});
  const Risk risk({}, Reduction::mean);
  return with_threads(num_threads, [&] {
    State<Scalar> state;
    state.particles = random_particles(neuron, 20, 2000, 5).cast<Scalar>();
    Simulation<Scalar> simulation(std::make_unique<EmpiricalRisk<Scalar>>(network, risk, data), {phase}, {1, 2, 3, 4},
                                  std::move(state));
    // With several threads the pools of the scheduler fill up in the first steps, whenever a thread first joins in.
    Meter<Scalar> meter(num_threads == 1 ? 6 : 200, phase.num_steps);
    simulation.run(meter, std::atomic<bool>(false));
    return num_allocations.load();
  });
}

Phase phase_with(std::string_view method, std::int64_t num_steps) {
  Phase phase = phase_of(method, num_steps, 0.1);
  phase.temperature = constant(phase.method->temperature == TemperatureKey::none ? 0 : 1e-3);
  phase.lambda1 = constant(1e-2);
  phase.sampling = Sampling::without_replacement;
  phase.batch_size = 32;
  phase.snapshot_every = 5;
  phase.inner_steps = 5;
  phase.coordinate_steps = 40;
  return phase;
}

TEST(Allocation, IsCounted) {
  install_hooks();
  num_allocations = 0;
  counting = true;
  Vector eigen(100);
  std::vector<double> standard(100);
  counting = false;
  EXPECT_EQ(num_allocations, 2) << eigen.size() << standard.size();
}

TEST(Allocation, NoneInAStepOfAnyMethodThatTakesBatchesOrAllSamples) {
  for (const char* method :
       {"sgd-mfld", "svrg-mfld", "mfld", "sgd", "averaged-sgd", "underdamped-mfld", "pda", "p-sdca"}) {
    EXPECT_EQ(allocations<double>(phase_with(method, 20), 1), 0) << method;
    EXPECT_EQ(allocations<float>(phase_with(method, 20), 1), 0) << method;
  }
  for (const StepKind rule : {StepKind::leimkuhler_matthews, StepKind::kinetic}) {
    Phase phase = phase_with("svrg-mfld", 20);
    phase.step_rule = rule;
    EXPECT_EQ(allocations<double>(phase, 1), 0) << info(rule).name;
    EXPECT_EQ(allocations<float>(phase, 1), 0) << info(rule).name;
  }
  Phase sweeps = phase_with("sgd-mfld", 20);
  sweeps.sampling = Sampling::symmetric_sweep;
  sweeps.batch_size = 40;
  EXPECT_EQ(allocations<double>(sweeps, 1), 0) << "but for the first order of the samples";
  Phase ends = phase_with("gd", 20);
  ends.until_gradient_norm = 1e-9;
  EXPECT_EQ(allocations<double>(ends, 1), 0) << "with a look at the gradient norm";
}

TEST(Allocation, AsGoodAsNoneOnTwoThreads) {
  // The scheduler may grow a pool late; a single allocation in every step would be 200 of them.
  EXPECT_LE(allocations<double>(phase_with("sgd-mfld", 400), 2), 20);
}

}  // namespace
}  // namespace mfld
