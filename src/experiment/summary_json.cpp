#include "experiment/summary_json.hpp"

#include <fmt/format.h>

#define BOOST_BIND_GLOBAL_PLACEHOLDERS  // what property_tree 1.74 relies on, without its note at every build
#include <boost/property_tree/json_parser.hpp>
#include <cassert>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>
#include <string_view>

namespace mfld {

namespace {

/// Length of the well-formed UTF-8 sequence that `text` begins with (Unicode 15, table 3-7), 0 if it begins with none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto continues = [&](std::size_t i, unsigned from = 0x80U, unsigned to = 0xBFU) {
    return byte(i) >= from && byte(i) <= to;
  };
  const unsigned first = byte(0);
  if (first < 0x80U) {
    return 1;
  }
  if (first >= 0xC2U && first <= 0xDFU) {
    return continues(1) ? 2 : 0;
  }
  if (first >= 0xE0U && first <= 0xEFU) {
    return continues(1, first == 0xE0U ? 0xA0U : 0x80U, first == 0xEDU ? 0x9FU : 0xBFU) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0U && first <= 0xF4U) {
    const bool second = continues(1, first == 0xF0U ? 0x90U : 0x80U, first == 0xF4U ? 0x8FU : 0xBFU);
    return second && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

std::string json_string(std::string_view text) {
  std::string result = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text.front();
    if (length == 0) {
      result += "\\ufffd";
    } else if (c == '"' || c == '\\') {
      result += {'\\', c};
    } else if (length == 1 && static_cast<unsigned char>(c) < 0x20) {
      result += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return result + '"';
}

std::string json_parent(const std::optional<Parent>& parent) {
  return parent ? fmt::format(
                      "  \"parent\": {{\"directory\": {}, \"step\": {}, \"seed\": {}, \"experiment\": "
                      "\"{:016x}\"}},\n",
                      json_string(parent->directory), parent->step, parent->seed, parent->experiment_hash)
                : "";
}

std::string json_number(double value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

double number_or_nan(const std::string& text) {
  return text == "null" ? std::numeric_limits<double>::quiet_NaN() : std::strtod(text.c_str(), nullptr);
}

}  // namespace

std::string to_json(const RunSummary& summary) {
  assert(summary.columns.size() == summary.final_values.size());
  std::string final_values;
  for (std::size_t i = 0; i < summary.columns.size(); ++i) {
    final_values += fmt::format("{}\n    {}: {}", i == 0 ? "" : ",", json_string(summary.columns[i]),
                                json_number(summary.final_values[i]));
  }
  return fmt::format(
      "{{\n"
      "  \"ending\": {},\n"
      "  \"message\": {},\n"
      "  \"step\": {},\n"
      "  \"time\": {},\n"
      "  \"gradient_evaluations\": {},\n"
      "  \"first_bad_particle\": {},\n"
      "{}"
      "  \"sessions\": {},\n"
      "  \"wall_seconds\": {},\n"
      "  \"wall_seconds_by_part\": {{\"step\": {}, \"outputs\": {}, \"observe\": {}, \"write\": {}}},\n"
      "  \"final\": {{{}{}}}\n"
      "}}\n",
      json_string(summary.ending), json_string(summary.message), summary.step, json_number(summary.time),
      summary.gradient_evaluations,
      summary.first_bad_particle < 0 ? "null" : fmt::format("{}", summary.first_bad_particle),
      json_parent(summary.parent), summary.sessions, json_number(summary.wall_seconds),
      json_number(summary.step_seconds), json_number(summary.pass_seconds), json_number(summary.observe_seconds),
      json_number(summary.write_seconds), final_values, final_values.empty() ? "" : "\n  ");
}

std::optional<RunSummary> read_summary(const std::filesystem::path& run) {
  try {
    boost::property_tree::ptree tree;
    boost::property_tree::read_json((run / "summary.json").string(), tree);
    RunSummary summary;
    summary.ending = tree.get<std::string>("ending");
    summary.message = tree.get<std::string>("message");
    summary.step = tree.get<std::int64_t>("step");
    summary.time = number_or_nan(tree.get<std::string>("time"));
    summary.gradient_evaluations = tree.get<std::int64_t>("gradient_evaluations");
    summary.sessions = tree.get<std::int64_t>("sessions", 1);
    summary.wall_seconds = number_or_nan(tree.get<std::string>("wall_seconds"));
    for (const auto& [column, value] : tree.get_child("final")) {
      summary.columns.push_back(column);
      summary.final_values.push_back(number_or_nan(value.data()));
    }
    return summary;
  } catch (const boost::property_tree::ptree_error&) {
    return std::nullopt;
  }
}

bool is_final(const std::optional<RunSummary>& summary) {
  return summary && (summary->ending == "finished" || summary->ending == "diverged");
}

}  // namespace mfld
