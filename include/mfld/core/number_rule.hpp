#pragma once

namespace mfld {

/// What a number of an experiment may be; `fraction`: from 0 to 1.
enum class NumberRule { any, positive, non_negative, fraction };

}  // namespace mfld
