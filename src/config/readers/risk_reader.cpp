#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "config/readers/readers.hpp"

namespace mfld::readers {

namespace {

constexpr std::array<Named<Reduction>, 2> reductions = {{{"mean", Reduction::mean}, {"sum", Reduction::sum}}};

void read_parameter(Section& section, const LossParameter& parameter, Loss& loss) {
  double& number = loss.*parameter.number;
  if (parameter.is_flag()) {
    const auto [if_true, if_false] = parameter.flag;
    number = section.flag(parameter.key, parameter.doc, number == if_true) ? if_true : if_false;
  } else {
    number = section.number(parameter.key, parameter.doc, number, parameter.rule);
  }
}

/// The losses that have the key.
std::string losses_with(std::string_view key) {
  std::vector<std::string> names;
  for (const LossInfo& row : losses()) {
    if (row.parameter.key == key) {
      names.push_back(fmt::format("\"{}\"", row.name));
    }
  }
  return "loss.kind = " + boost::algorithm::join(names, " or ");
}

/// A loss of the caller's own, of which the experiment says no more than how it is reduced.
Loss own_loss(const Section& section, const LossInfo& row) {
  const auto refuse = [&](std::string_view key) {
    section.check(key.empty() || !section.has(key), key, fmt::format("must be left out: the loss is {}", row.name));
  };
  const Value* kind = section.find("kind");
  if (kind == nullptr || kind->as<std::string>() == nullptr || *kind->as<std::string>() != row.name) {
    refuse("kind");  // unless it is what a resolved experiment says
  }
  for (const LossInfo& other : losses()) {
    refuse(other.parameter.key);
  }
  section.resolve("kind", {std::string(row.name)}, "of the program that uses the library");
  Loss loss;
  loss.own = &row;
  return loss;
}

Loss read_loss(Section& section) {
  Loss loss;
  loss.kind = losses()[section.choice("kind", "l(f(x), y)", "squared", names_of(losses()))].kind;
  std::vector<std::string_view> keys = {std::string_view()};
  for (const LossInfo& row : losses()) {
    const std::string_view key = row.parameter.key;
    if (std::count(keys.begin(), keys.end(), key) > 0) {
      continue;  // of a loss before, too
    }
    keys.push_back(key);
    if (section.reads(key, key == loss.info().parameter.key, losses_with(key))) {
      read_parameter(section, section.is_describing() ? row.parameter : loss.info().parameter, loss);
    }
  }
  return loss;
}

}  // namespace

Risk read_risk(Section section, const LossInfo* own) {
  const Loss loss = own != nullptr ? own_loss(section, *own) : read_loss(section);
  return {loss, pick(section, "reduction", "over the samples", "mean", reductions)};
}

}  // namespace mfld::readers
