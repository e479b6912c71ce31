#pragma once
#include <atomic>
#include <optional>
#include <variant>

#include "mfld/dynamics/euler_maruyama.hpp"
#include "mfld/dynamics/kinetic.hpp"
#include "mfld/dynamics/leimkuhler_matthews.hpp"
#include "mfld/dynamics/methods.hpp"

namespace mfld {

/// The steps there are, in the order of `StepKind`: one class each, with
///   void begin(const StepContext<Scalar>&);                     before the first step of a phase
///   Index move(const StepContext<Scalar>&, first, last);        see EulerMaruyama
///   static void for_each_matrix(self, const RunSizes&, visit);  what it carries from step to step (matrix_list.hpp)
template <class Scalar>
using AnyStep = std::variant<EulerMaruyama<Scalar>, LeimkuhlerMatthews<Scalar>, Kinetic<Scalar>>;

template <class Scalar>
AnyStep<Scalar> make_step(StepKind kind);

/// One step of all particles, made of moves of some of them. Throws InvalidInput for steps below 0 and 2^32 particles.
template <class Scalar>
class StepOfAll {
 public:
  StepOfAll(AnyStep<Scalar>& step, const StepContext<Scalar>& context);

  /// Moves the particles [first, last). May be called at once for different particles.
  void move(Index first, Index last);
  /// Of the particles moved so far the first with a non-finite coordinate, if there is one.
  std::optional<Index> first_bad_particle() const;

 private:
  AnyStep<Scalar>* step_;
  StepContext<Scalar> context_;
  std::atomic<Index> first_bad_;
};

}  // namespace mfld
