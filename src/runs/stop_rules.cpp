#include "runs/stop_rules.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <limits>

#include "mfld/observe/own_columns.hpp"

namespace mfld::runs {

namespace {

// The columns of the looks.
constexpr Index num_held = 0;
constexpr Index at_step = 1;
constexpr Index last_value = 2;

std::size_t place_of(const std::string& column, const std::vector<std::string>& columns) {
  const auto own = std::find(own_columns.begin(), own_columns.end(), column);
  const auto observed = std::find(columns.begin(), columns.end(), column);
  assert(own != own_columns.end() || observed != columns.end());
  return static_cast<std::size_t>(own != own_columns.end() ? own - own_columns.begin()
                                                           : std::ssize(own_columns) + (observed - columns.begin()));
}

}  // namespace

StopRules::StopRules(const std::vector<std::optional<StopRule>>& rules, const std::vector<std::string>& columns)
    : rules_(&rules), looks_(std::ssize(rules), num_columns) {
  for (const auto& rule : rules) {
    columns_.push_back(rule ? place_of(rule->column, columns) : 0);
  }
  looks_.col(num_held).setZero();
  looks_.col(at_step).setConstant(-1);
  looks_.col(last_value).setConstant(std::numeric_limits<double>::quiet_NaN());
}

void StopRules::look(std::int64_t phase, std::span<const double> own, std::span<const double> values) {
  assert(own.size() == own_columns.size());
  const auto& rule = (*rules_)[static_cast<std::size_t>(phase)];
  if (!rule || looks_(phase, at_step) == own.front()) {
    return;
  }
  const std::size_t column = columns_[static_cast<std::size_t>(phase)];
  const double value = column < own.size() ? own[column] : values[column - own.size()];
  looks_(phase, num_held) = rule->is_met_by(value) ? looks_(phase, num_held) + 1 : 0;
  looks_(phase, at_step) = own.front();
  looks_(phase, last_value) = value;
}

bool StopRules::is_met(std::int64_t phase) const {
  const auto& rule = (*rules_)[static_cast<std::size_t>(phase)];
  return rule && looks_(phase, num_held) >= static_cast<double>(rule->held);
}

std::string StopRules::in_words(std::int64_t end) const {
  std::string words;
  for (std::int64_t phase = 0; phase < end; ++phase) {
    words += in_words_of(phase);
  }
  return words;
}

std::string StopRules::in_words_of(std::int64_t phase) const {
  const auto& rule = (*rules_)[static_cast<std::size_t>(phase)];
  if (!rule) {
    return {};
  }
  const double value = looks_(phase, last_value);
  if (is_met(phase)) {
    return fmt::format("; phase {} ended at step {:.0f}: {} = {} {}", phase, looks_(phase, at_step), rule->column,
                       value, rule->condition());
  }
  const bool looked = looks_(phase, at_step) >= 0;
  return fmt::format("; phase {} ended without {} {}{}", phase, rule->column, rule->condition(),
                     looked ? fmt::format(", {} at its last row", value) : ": it has no row behind its first step");
}

}  // namespace mfld::runs
