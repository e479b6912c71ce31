#pragma once
#include <gtest/gtest.h>

#include "mfld/model/network.hpp"

namespace mfld {

/// Runs body() once with every instruction set that this machine and build have, and leaves the best one in use.
template <class Body>
void on_every_instruction_set(const Body& body) {
  force_instruction_set("best");
  for (const std::string& name : available_instruction_sets()) {
    force_instruction_set(name);
    SCOPED_TRACE(name);
    body();
  }
  force_instruction_set("best");
}

}  // namespace mfld
