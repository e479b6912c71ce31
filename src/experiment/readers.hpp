#pragma once
#include <boost/algorithm/string/join.hpp>
#include <string>
#include <vector>

#include "mfld/dynamics/phase.hpp"
#include "mfld/experiment/config.hpp"
#include "mfld/experiment/experiment.hpp"
#include "mfld/model/initialisation.hpp"
#include "mfld/model/network.hpp"

namespace mfld {

/// [network]
struct NetworkOptions {
  Neuron neuron;
  Index width = 0;
  Scaling scaling;
  TrainedBlocks trained;
  bool linearised = false;
  Precision precision = Precision::double_precision;
};

NetworkOptions read_network(Section& section);

/// [network.init]
Initialisation read_initialisation(Section section, const Neuron& neuron, Index width);

/// [[phase]]
std::vector<Phase> read_phases(const Section& root, const Scaling& scaling, Index num_samples);

/// The names of the rows of a table that meet a condition, for messages.
template <class Rows, class Condition>
std::string names_where(const Rows& rows, const Condition& condition) {
  std::vector<std::string> names;
  for (const auto& row : rows) {
    if (condition(row)) {
      names.emplace_back(row.name);
    }
  }
  return boost::algorithm::join(names, ", ");
}

}  // namespace mfld
