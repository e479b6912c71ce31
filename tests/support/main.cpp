// The main of the tests: as that of gtest, and ready to be the child of one.
#include <gtest/gtest.h>

#include "mfld/tables/child.hpp"

int main(int argc, char** argv) {
  mfld::serve_as_child(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
