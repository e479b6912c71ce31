#pragma once
#include "mfld/core/schedule.hpp"

namespace mfld {

inline Schedule constant(double value) { return {.kind = ScheduleKind::constant, .value = value}; }

}  // namespace mfld
