#pragma once
#include <array>
#include <atomic>
#include <cstddef>
#include <optional>
#include <variant>

#include "mfld/steps/ball.hpp"
#include "mfld/steps/euler_maruyama.hpp"
#include "mfld/steps/kinetic.hpp"
#include "mfld/steps/leimkuhler_matthews.hpp"
#include "mfld/steps/sphere.hpp"

namespace mfld {

/// How a particle moves once its drift is known.
enum class StepKind { euler_maruyama, leimkuhler_matthews, sphere, ball, kinetic };

/// The steps there are, in the order of `StepKind`: one class each, a discretisation of the Langevin equation, with
///   static constexpr StepWords words;                           its row of `step_rules`
///   static double noise_amplitude(const StepOptions&);          what multiplies normals
///   void begin(const StepContext<Scalar>&);                     before the first step of a phase
///   Index move(const StepContext<Scalar>&, first, last);        see EulerMaruyama
///   static void for_each_matrix(self, const RunSizes&, visit);  what it carries from step to step (matrix_list.hpp),
/// and where it has velocities
///   const Particles<Scalar>& velocities() const;                [N x p], empty before begin
///   static Particles<Scalar> starting_velocities(const StepOptions&, RowRange, trained);  what begin makes of those
/// and where it cannot begin everywhere
///   std::optional<Index> first_bad(RowRange) const;             after begin, of those particles the first in the way
///   static std::string failure(Index particle);                 that in words
template <class Scalar>
using AnyStep =
    std::variant<EulerMaruyama<Scalar>, LeimkuhlerMatthews<Scalar>, Sphere<Scalar>, Ball<Scalar>, Kinetic<Scalar>>;

template <class Scalar>
AnyStep<Scalar> make_step(StepKind kind);

struct StepInfo : StepWords {
  StepKind kind;
  double (*noise_amplitude)(const StepOptions& options);
};

template <class... Steps>
constexpr std::array<StepInfo, sizeof...(Steps)> rows_of(const std::variant<Steps...>* /*steps*/) {
  std::array<StepInfo, sizeof...(Steps)> rows = {
      StepInfo{Steps::words, StepKind::euler_maruyama, &Steps::noise_amplitude}...};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    rows[i].kind = static_cast<StepKind>(i);
  }
  return rows;
}

/// The table behind `mfld list steps`.
inline constexpr auto step_rules = rows_of(static_cast<const AnyStep<double>*>(nullptr));

/// The row of a kind.
constexpr const StepInfo& info(StepKind kind) { return step_rules[static_cast<std::size_t>(kind)]; }

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
