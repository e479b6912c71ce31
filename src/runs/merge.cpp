#include "mfld/runs/merge.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>
#include <string_view>
#include <utility>

#include "mfld/core/error.hpp"
#include "mfld/model/tangent_network.hpp"
#include "record/state_of.hpp"

namespace mfld {

namespace {

constexpr std::string_view numbers_start = ": width ";

/// Some particles of a run, by what makes them different from those of others.
struct Part {
  std::string directory;
  Index width = 0;
  std::uint64_t initialisation = 0;  // seeds
  std::uint64_t noise = 0;
  std::int64_t step = 0;
  std::uint64_t experiment_hash = 0;
};

struct Finished {
  std::string directory;
  StoppedRun run;
  std::vector<Part> parts;  // itself, or what it was merged from
};

std::string note_of(const Part& part) {
  return fmt::format("{}{}{}{}, seeds.initialisation {}, seeds.noise {}, at step {}, experiment {:016x}", merge_start,
                     part.directory, numbers_start, part.width, part.initialisation, part.noise, part.step,
                     part.experiment_hash);
}

/// What the notes of a run say that it was merged from.
std::vector<Part> parts_in(const std::vector<std::string>& notes) {
  std::vector<Part> parts;
  for (const std::string& note : notes) {
    const std::size_t numbers = note.rfind(numbers_start);
    Part part;
    if (note.starts_with(merge_start) && numbers != note.npos &&
        std::sscanf(note.c_str() + numbers + numbers_start.size(),
                    "%td, seeds.initialisation %" SCNu64 ", seeds.noise %" SCNu64 ", at step %" SCNd64
                    ", experiment %" SCNx64,
                    &part.width, &part.initialisation, &part.noise, &part.step, &part.experiment_hash) == 5) {
      part.directory = note.substr(merge_start.size(), numbers - merge_start.size());
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

void refuse_unless(bool condition, const std::string& sentence) {
  if (!condition) {
    throw InvalidInput(sentence);
  }
}

/// The rows of all of them, one after the other.
Particles<double> stacked(const std::vector<Particles<double>>& clouds) {
  Index rows = 0;
  for (const Particles<double>& cloud : clouds) {
    rows += cloud.rows();
  }
  Particles<double> result(rows, clouds.front().cols());
  Index first = 0;
  for (const Particles<double>& cloud : clouds) {
    result.middleRows(first, cloud.rows()) = cloud;
    first += cloud.rows();
  }
  return result;
}

/// The experiment with other first particles.
Experiment with_start(const Experiment& experiment, Index width, std::uint64_t seed, const Surroundings& surroundings) {
  Value config = parse_toml(experiment.resolved, "experiment.toml");
  assign(config, "network.width", {std::int64_t{width}});
  assign(config, "seeds.initialisation", {static_cast<std::int64_t>(seed)});
  return build_experiment(config, surroundings.in(experiment.folder));
}

/// What was merged began with the first particles of its parts, which its own experiment does not say.
Particles<double> first_particles(const Experiment& experiment, const std::vector<Part>& parts,
                                  const Surroundings& surroundings) {
  std::vector<Particles<double>> clouds;
  for (const Part& part : parts) {
    clouds.push_back(with_start(experiment, part.width, part.initialisation, surroundings).initial);
  }
  return stacked(clouds);
}

Finished read_member(const FilePlace& directory, const Surroundings& surroundings) {
  const std::string name = directory.path.string();
  Finished member{name, read_stopped_run(directory, Kept::last, surroundings), {}};
  const Experiment& experiment = member.run.experiment;
  const auto summary = read_summary(directory);
  refuse_unless(!experiment.kernel, fmt::format("{}: kernel-regression has no particles to merge", name));
  refuse_unless(summary && summary->end.ending == Ending::finished,
                fmt::format("{}: only runs that have finished can be merged, and this one {}", name,
                            summary ? "is " + std::string(info(summary->end.ending).name) : "has no summary"));
  refuse_unless(
      member.run.checkpoint && record::is_at_end(*member.run.checkpoint, experiment),
      fmt::format("{}: only runs that have finished can be merged, and the checkpoint of this one is not that "
                  "of its end",
                  name));
  member.parts = parts_in(read_stored_plan(directory).comments);
  if (!member.parts.empty()) {
    member.run.experiment.initial = first_particles(experiment, member.parts, surroundings);
    member.run.experiment.rows = {0, member.run.experiment.initial.rows()};
  } else {
    member.parts = {{std::filesystem::absolute(directory.path).lexically_normal().string(), experiment.initial.rows(),
                     experiment.seeds.initialisation, experiment.seeds.noise, member.run.checkpoint->step,
                     experiment.hash}};
  }
  return member;
}

/// Where two experiments may differ.
bool may_differ(std::string_view path) {
  constexpr auto keys = std::to_array<std::string_view>(
      {"seed", "seeds", "network.width", "observe", "checkpoint", "task.path", "task.test_path"});
  return std::find(keys.begin(), keys.end(), path) != keys.end();
}

std::string in_words(const Value* value) { return value == nullptr ? "not there" : to_toml_inline(*value); }

/// The first key in which two tables or lists differ, with what it is in each; empty where there is none.
std::string difference(const Value* one, const Value* other, const std::string& path = {}) {
  if (may_differ(path)) {
    return {};
  }
  const auto step_into = [&](const auto& members_of, const auto& find_in) -> std::string {
    for (const Value* side : {one, other}) {
      for (const std::string& key : members_of(*side)) {
        std::string found = difference(find_in(*one, key), find_in(*other, key), path.empty() ? key : path + '.' + key);
        if (!found.empty()) {
          return found;
        }
      }
    }
    return {};
  };
  const auto at = [](const Value& value, const std::string& key) { return find(value, key); };
  if (one != nullptr && other != nullptr && one->as<Table>() != nullptr && other->as<Table>() != nullptr) {
    return step_into(
        [](const Value& value) {
          std::vector<std::string> keys;
          for (const Member& member : value.as<Table>()->members) {
            keys.push_back(member.key);
          }
          return keys;
        },
        at);
  }
  const auto is_of_tables = [](const Value* value) {
    const auto* list = value == nullptr ? nullptr : value->as<List>();
    return list != nullptr && !list->empty() && list->front().as<Table>() != nullptr;
  };
  if (is_of_tables(one) && is_of_tables(other) && one->as<List>()->size() == other->as<List>()->size()) {
    return step_into(
        [](const Value& value) {
          std::vector<std::string> keys(value.as<List>()->size());
          for (std::size_t i = 0; i < keys.size(); ++i) {
            keys[i] = std::to_string(i);
          }
          return keys;
        },
        [](const Value& value, const std::string& key) { return &(*value.as<List>())[std::stoul(key)]; });
  }
  if (one != nullptr && other != nullptr && to_toml_inline(*one) == to_toml_inline(*other)) {
    return {};
  }
  const bool is_long = is_of_tables(one) || is_of_tables(other);
  return is_long ? path + " has other tables" : fmt::format("{} is {} and {}", path, in_words(one), in_words(other));
}

bool same_data(const Dataset& one, const Dataset& other) {
  const auto same = [](const auto& a, const auto& b) {
    return a.rows() == b.rows() && a.cols() == b.cols() && (a.array() == b.array()).all();
  };
  return same(one.train_inputs, other.train_inputs) && same(one.train_targets, other.train_targets) &&
         same(one.test_inputs, other.test_inputs) && same(one.test_targets, other.test_targets);
}

void check_alike(const Finished& one, const Finished& other) {
  const Value of_one = parse_toml(one.run.experiment.resolved, one.directory);
  const Value of_other = parse_toml(other.run.experiment.resolved, other.directory);
  const std::string found = difference(&of_one, &of_other);
  refuse_unless(found.empty(), fmt::format("{} and {}: runs of different experiments cannot be merged, and {}",
                                           one.directory, other.directory, found));
  refuse_unless(
      same_data(one.run.experiment.data, other.run.experiment.data),
      fmt::format("{} and {}: runs on different data cannot be merged, and seeds.data is {} and {}; an "
                  "ensemble has one seeds.data",
                  one.directory, other.directory, one.run.experiment.seeds.data, other.run.experiment.seeds.data));
}

/// Whether the particles of the narrower run are the first ones of the other, which say nothing where they are all one.
bool begin_alike(const Particles<double>& one, const Particles<double>& other) {
  const Index count = std::min(one.rows(), other.rows());
  const bool is_point = (one.rowwise() - one.row(0)).isZero(0) && one.rows() > 1;
  return !is_point && one.topRows(count) == other.topRows(count);
}

/// Particle j of two runs of one seed is the same one, or moves in the same noise.
void check_disjoint(const Finished& one, const Finished& other) {
  const auto& phases = one.run.experiment.phases;
  const bool is_warm =
      std::any_of(phases.begin(), phases.end(), [](const Phase& phase) { return phase.temperature.value > 0; });
  refuse_unless(!begin_alike(one.run.experiment.initial, other.run.experiment.initial),
                fmt::format("{} and {}: runs that share particles cannot be merged, and both begin with the same, of "
                            "seeds.initialisation = {}",
                            one.directory, other.directory, one.run.experiment.seeds.initialisation));
  for (const Part& part : one.parts) {
    for (const Part& each : other.parts) {
      refuse_unless(part.initialisation != each.initialisation,
                    fmt::format("{} and {}: runs that share particles cannot be merged, and both begin with those of "
                                "seeds.initialisation = {}",
                                one.directory, other.directory, part.initialisation));
      refuse_unless(!is_warm || part.noise != each.noise,
                    fmt::format("{} and {}: runs that share their noise cannot be merged, and both have that of "
                                "seeds.noise = {}",
                                one.directory, other.directory, part.noise));
    }
  }
}

void check_is_mean(const Finished& member) {
  const Experiment& experiment = member.run.experiment;
  const ScalingKind kind = experiment.network().scaling().kind;
  refuse_unless(experiment.objective || kind == ScalingKind::mean_field || kind == ScalingKind::alpha,
                fmt::format("{}: the outputs of merged particles are the mean of those of the runs in the scalings "
                            "mean-field and alpha only, and network.scaling is \"{}\"",
                            member.directory, kind == ScalingKind::ntk ? "ntk" : "standard"));
}

/// What a run ends with: in a phase that averages, the mean of its iterates.
Particles<double> last_particles(const Finished& member) {
  const auto& matrices = member.run.checkpoint->matrices;
  const auto average = matrices.find("average");
  return average != matrices.end() ? average->second : matrices.at("particles");
}

/// All phases are over, and what estimators and steps carried goes with them; of stop rules only how they ended is left.
Checkpoint pooled_end(const std::vector<Finished>& members) {
  Checkpoint end = *members.front().run.checkpoint;
  std::vector<Particles<double>> clouds;
  for (const Finished& member : members) {
    clouds.push_back(last_particles(member));
    const Checkpoint& own = *member.run.checkpoint;
    end.step = std::max(end.step, own.step);
    end.time = std::max(end.time, own.time);
    end.gradient_evaluations = std::max(end.gradient_evaluations, own.gradient_evaluations);
  }
  std::erase_if(end.matrices, [](const auto& each) { return each.first != "stop_rules"; });
  end.matrices["particles"] = stacked(clouds);
  end.phase = std::ssize(members.front().run.experiment.phases);
  end.step_in_phase = 0;
  end.metrics_rows = 0;
  end.trajectory_frames = 0;
  return end;
}

Experiment pooled_experiment(const std::vector<Finished>& members, const Surroundings& surroundings) {
  const Experiment& first = members.front().run.experiment;
  std::vector<Particles<double>> clouds;
  for (const Finished& member : members) {
    clouds.push_back(member.run.experiment.initial);
  }
  Particles<double> initial = stacked(clouds);
  Experiment experiment = with_start(first, initial.rows(), first.seeds.initialisation, surroundings);
  experiment.initial = std::move(initial);
  experiment.rows = {0, experiment.initial.rows()};
  if (experiment.model->tangent_point() != nullptr) {
    experiment.model = std::make_shared<TangentNetwork>(experiment.network(), experiment.initial);
  }
  return experiment;
}

}  // namespace

StoppedRun merge_runs(const std::vector<FilePlace>& directories, const Surroundings& surroundings) {
  refuse_unless(directories.size() >= 2, fmt::format("merge: takes two runs at least, and there {} {}",
                                                     directories.size() == 1 ? "is" : "are", directories.size()));
  std::vector<Finished> members;
  for (const FilePlace& directory : directories) {
    members.push_back(read_member(directory, surroundings));
    check_is_mean(members.back());
    for (std::size_t i = 0; i + 1 < members.size(); ++i) {
      if (i == 0) {
        check_alike(members.front(), members.back());
      }
      check_disjoint(members[i], members.back());
    }
  }
  StoppedRun merged{pooled_experiment(members, surroundings), pooled_end(members), {}};
  merged.checkpoint->experiment_hash = merged.experiment.hash;
  for (const Finished& member : members) {
    for (const Part& part : member.parts) {
      merged.notes.push_back(note_of(part));
    }
  }
  return merged;
}

}  // namespace mfld
