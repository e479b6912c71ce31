#include "record/summary_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "files/posix_file.hpp"

namespace mfld {

namespace {

using Json = nlohmann::ordered_json;

/// The text is none that a run wrote.
struct NoSummary {};

/// Lists in lists in lists take memory, and no summary has them.
constexpr int most_depth = 8;

std::int64_t integer_in(const Json& value) {
  const bool fits = value.is_number_integer() &&
                    (!value.is_number_unsigned() ||
                     value.get<std::uint64_t>() <= std::uint64_t{std::numeric_limits<std::int64_t>::max()});
  return fits ? value.get<std::int64_t>() : throw NoSummary();
}

/// How often something happened.
std::int64_t count_in(const Json& value) {
  constexpr std::int64_t most = std::int64_t{1} << 53;
  const std::int64_t count = integer_in(value);
  return count >= 0 && count <= most ? count : throw NoSummary();
}

double number_in(const Json& value) {
  return value.is_null()     ? std::numeric_limits<double>::quiet_NaN()
         : value.is_number() ? value.get<double>()
                             : throw NoSummary();
}

Ending ending_in(const Json& value) {
  const auto row =
      std::find_if(endings.begin(), endings.end(),
                   [name = value.get<std::string>()](const EndingInfo& each) { return each.name == name; });
  return row != endings.end() ? row->ending : throw NoSummary();
}

Json parent_json(const Parent& parent) {
  return {{"directory", parent.directory},
          {"step", parent.step},
          {"seed", parent.seed},
          {"experiment", fmt::format("{:016x}", parent.experiment_hash)}};
}

RunSummary summary_in(const std::string& text) {
  const auto refuse_depth = [](int depth, Json::parse_event_t /*event*/, Json& /*parsed*/) {
    return depth <= most_depth ? true : throw NoSummary();
  };
  const Json json = Json::parse(text, refuse_depth);
  RunSummary summary;
  summary.end.ending = ending_in(json.at("ending"));
  summary.message = json.at("message").get<std::string>();
  if (json.contains("advice")) {
    summary.advice = json.at("advice").get<std::vector<std::string>>();
  }
  summary.end.step = count_in(json.at("step"));
  summary.time = number_in(json.at("time"));
  summary.gradient_evaluations = integer_in(json.at("gradient_evaluations"));
  summary.sessions = json.contains("sessions") ? count_in(json.at("sessions")) : 1;
  summary.wall_seconds = number_in(json.at("wall_seconds"));
  const Json& finals = json.at("final");
  if (!finals.is_object()) {
    throw NoSummary();
  }
  for (const auto& [column, value] : finals.items()) {
    summary.columns.push_back(column);
    summary.final_values.push_back(number_in(value));
  }
  return summary;
}

}  // namespace

std::string to_json(const RunSummary& summary) {
  assert(summary.columns.size() == summary.final_values.size());
  Json json = {{"ending", info(summary.end.ending).name}, {"message", summary.message}};
  if (!summary.advice.empty()) {
    json["advice"] = summary.advice;
  }
  json["step"] = summary.end.step;
  json["time"] = summary.time;
  json["gradient_evaluations"] = summary.gradient_evaluations;
  json["first_bad_particle"] = nullptr;
  if (summary.end.first_bad_particle) {
    json["first_bad_particle"] = *summary.end.first_bad_particle;
  }
  if (summary.parent) {
    json["parent"] = parent_json(*summary.parent);
  }
  json["sessions"] = summary.sessions;
  json["wall_seconds"] = summary.wall_seconds;
  json["wall_seconds_by_part"] = {{"step", summary.step_seconds},
                                  {"outputs", summary.pass_seconds},
                                  {"observe", summary.observe_seconds},
                                  {"write", summary.write_seconds}};
  json["final"] = Json::object();
  for (std::size_t i = 0; i < summary.columns.size(); ++i) {
    json["final"][summary.columns[i]] = summary.final_values[i];
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

std::optional<RunSummary> read_summary(const FilePlace& run) {
  const FilePlace file = run / "summary.json";
  if (!files::exists(file)) {
    return std::nullopt;
  }
  const std::string text = files::read_text(file);
  try {
    return summary_in(text);
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  } catch (const NoSummary&) {
    return std::nullopt;
  }
}

bool is_final(const std::optional<RunSummary>& summary) { return summary && info(summary->end.ending).is_final; }

}  // namespace mfld
