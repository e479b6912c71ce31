#pragma once
#include <gtest/gtest.h>

#include "mfld/model/network.hpp"

namespace mfld {

/// Runs body() once with every instruction set that this machine and build have, and leaves the best one in use. In
/// builds with ThreadSanitizer, which are slow, with the best one only: who works on what does not depend on it.
template <class Body>
void on_every_instruction_set(const Body& body) {
  force_instruction_set("best");
#if defined(__SANITIZE_THREAD__)
  body();
  return;
#endif
  for (const std::string& name : available_instruction_sets()) {
    force_instruction_set(name);
    SCOPED_TRACE(name);
    body();
  }
  force_instruction_set("best");
}

}  // namespace mfld
