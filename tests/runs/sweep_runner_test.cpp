#include "mfld/runs/sweep_runner.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <ctime>
#include <fstream>
#include <set>

#include "mfld/core/error.hpp"
#include "mfld/core/parallel.hpp"
#include "support/file_text.hpp"
#include "support/temporary_directory.hpp"

namespace mfld {
namespace {

using test::mentions;
using test::message_of;
using test::read_bytes;

constexpr const char* base = R"(
seed = 1
[task]
kind = "single-index"
link = "hermite2"
input_dim = 3
num_train = 10
num_test = 5
[network]
width = 4
[[phase]]
method = "mfld"
steps = 5
step_size = 0.1
lambda2 = 0.001
[observe]
every = 5
)";

class SweepRunner : public ::testing::Test {
 protected:
  static Plan plan_of(const std::string& sweep) {
    return expand(parse_toml(std::string(base) + "[sweep]\n" + sweep, "test.toml"), ".");
  }
  std::filesystem::path make(const Plan& plan, const std::string& name, SweepOptions options = {},
                             const std::atomic<bool>& stop = false) {
    options.ended = [this](const CellReport& report) {
      endings.push_back(report.earlier ? "earlier" : std::string(info(report.end.ending).name));
      ended.push_back(report.run->name);
      messages += report.message + '\n';
      processor_times.push_back(std::clock());
    };
    CheckedPlan checked(plan, options);
    const auto out = directory / name;
    start_sweep(plan, out, options);
    run_sweep(plan, out, stop, options, &checked);
    return out;
  }
  void resume(const Plan& plan, const std::filesystem::path& out, SweepOptions options = {}) {
    endings.clear();
    ended.clear();
    messages.clear();
    options.ended = [this](const CellReport& report) {
      endings.push_back(report.earlier ? "earlier" : std::string(info(report.end.ending).name));
      ended.push_back(report.run->name);
      messages += report.message + '\n';
    };
    run_sweep(plan, out, false, options, nullptr);
  }

  test::TemporaryDirectory directory;
  std::vector<std::string> endings;
  std::vector<std::string> ended;             // the names of the runs
  std::vector<std::clock_t> processor_times;  // at each ending
  std::string messages;
};

/// index.csv without the wall seconds.
std::string index_of(const std::filesystem::path& out) {
  std::ifstream stream(out / "index.csv");
  std::string result;
  for (std::string line; std::getline(stream, line);) {
    std::string kept;
    int field = 0;
    for (std::size_t begin = 0; begin <= line.size(); ++field) {
      const std::size_t end = std::min(line.find(',', begin), line.size());
      kept += field == 5 ? "" : line.substr(begin, end - begin) + ',';
      begin = end + 1;
    }
    result += kept + '\n';
  }
  return result;
}

TEST_F(SweepRunner, TheIndexHasARowForEveryRun) {
  const Plan plan = expand(
      parse_toml("[[case]]\nname = \"a\"\n[sweep]\nnetwork.width = [2, 4, 8]\nx = [\"p,q\"]\n", "test.toml"), ".");
  RunSummary summary;
  summary.end.ending = Ending::finished;
  summary.end.step = 7;
  summary.wall_seconds = 0.5;
  summary.columns = {"mean_r"};
  summary.final_values = {0.25};
  RunDirectory::create(directory / plan.runs[0].name).write_summary(summary);
  summary.columns = {"train_loss", "mean_r"};
  summary.final_values = {0.1, std::nan("")};
  RunDirectory::create(directory / plan.runs[2].name).write_summary(summary);
  write_index(plan, directory.path());
  EXPECT_EQ(read_bytes(directory / "index.csv"),
            "run,case,network.width,x,ending,step,wall_seconds,mean_r,train_loss\n"
            "a_width=2_x=p-q,a,2,\"p,q\",finished,7,0.5,0.25,\n"
            "a_width=8_x=p-q,a,8,\"p,q\",finished,7,0.5,nan,0.1\n");
}

TEST_F(SweepRunner, RunsAtOnceShardsAndResumesMakeTheSameRuns) {
  const Plan plan = plan_of("seed = [1, 2, 3, 4, 5, 6, 7]\n");
  const auto one = make(plan, "one");
  SweepOptions jobs;
  jobs.jobs = 3;
  const auto many = with_threads(4, [&] { return make(plan, "many", jobs); });
  jobs.jobs = 0;
  const auto by_itself = with_threads(4, [&] { return make(plan, "by itself", jobs); });
  SweepOptions shard;
  shard.num_shards = 3;
  for (const std::int64_t i : {3, 1, 2}) {
    shard.shard = i;
    make(plan, "shards", shard);
  }
  const auto mended = directory / "mended";
  std::filesystem::copy(one, mended, std::filesystem::copy_options::recursive);
  std::filesystem::remove_all(mended / "seed=2");               // never begun
  std::filesystem::remove(mended / "seed=4" / "summary.json");  // killed behind its last checkpoint
  std::filesystem::remove(mended / "seed=5" / "summary.json");  // killed before its first
  std::filesystem::remove(mended / "seed=5" / "checkpoint.h5");
  resume(plan, mended);
  EXPECT_EQ(endings,
            (std::vector<std::string>{"earlier", "finished", "earlier", "finished", "finished", "earlier", "earlier"}));
  for (const auto& out : {many, by_itself, directory / "shards", mended}) {
    EXPECT_EQ(index_of(out), index_of(one));
    for (const RunPlan& run : plan.runs) {
      for (const char* file : {"metrics.csv", "checkpoint.h5"}) {
        EXPECT_EQ(read_bytes(out / run.name / file), read_bytes(one / run.name / file)) << run.name;
      }
    }
  }
}

/// Left to itself, a sweep begins with the longest of its runs, also where it goes on; the index keeps the order of the
/// plan.
TEST_F(SweepRunner, TheLongestRunsAreMadeFirst) {
  const Plan plan = plan_of("phase.0.steps = [5, 400, 20, 100]\n");
  SweepOptions options;
  const auto in_order = with_threads(1, [&] { return make(plan, "in order", options); });
  EXPECT_EQ(ended, (std::vector<std::string>{"steps=5", "steps=400", "steps=20", "steps=100"}));
  ended.clear();
  options.jobs = 0;
  const auto out = with_threads(1, [&] { return make(plan, "out", options); });
  EXPECT_EQ(ended, (std::vector<std::string>{"steps=400", "steps=100", "steps=20", "steps=5"}));
  EXPECT_EQ(index_of(out), index_of(in_order));
  std::filesystem::remove_all(out / "steps=20");
  std::filesystem::remove_all(out / "steps=100");
  with_threads(1, [&] { resume(plan, out, options); });
  EXPECT_EQ(ended, (std::vector<std::string>{"steps=100", "steps=20", "steps=5", "steps=400"}));
  EXPECT_EQ(endings, (std::vector<std::string>{"finished", "finished", "earlier", "earlier"}));
  EXPECT_EQ(index_of(out), index_of(in_order));
}

/// Only one of the three shares its steps among two threads: it comes first, on both of them.
TEST_F(SweepRunner, RunsThatShareTheirStepsAreMadeOneAtATime) {
  const Plan plan = plan_of("network.width = [4, 8, 20000]\ntask.num_train = [300]\nphase.0.steps = [40]\n");
  SweepOptions options;
  options.jobs = 0;
  std::vector<std::string> drawn;
  options.progress = [&](const Progress& progress) { drawn.push_back(fmt::format("{}", progress.num_steps)); };
  with_threads(2, [&] { make(plan, "out", options); });
  ASSERT_EQ(ended.size(), 3U);
  EXPECT_TRUE(ended.front().starts_with("width=20000")) << ended.front();
  EXPECT_FALSE(drawn.empty());  // which is only done of one run at a time
}

TEST_F(SweepRunner, TheFirstWrongRunOfThePlanIsNamedOnAnyNumberOfThreads) {
  std::string steps;
  for (int k = 0; k < 40; ++k) {
    steps += fmt::format("{}{}", k == 0 ? "" : ", ", k == 17 || k == 18 || k == 30 ? -0.25 - k : 0.25 + k);
  }
  const Plan plan = plan_of("phase.0.step_size = [" + steps + "]\n");
  for (const int num_threads : {1, 4}) {
    const std::string message =
        message_of<InvalidInput>([&] { with_threads(num_threads, [&] { const CheckedPlan checked(plan, {}); }); });
    EXPECT_TRUE(mentions(message, "run step_size=-17.25: ")) << message;
  }
}

TEST_F(SweepRunner, EveryRunOfAShardIsCheckedOnce) {
  std::string seeds = "1";
  for (int seed = 2; seed <= 50; ++seed) {
    seeds += fmt::format(", {}", seed);
  }
  const Plan plan = plan_of("seed = [" + seeds + "]\n");
  SweepOptions options;
  options.shard = 2;
  options.num_shards = 3;
  with_threads(4, [&] {
    CheckedPlan checked(plan, options);
    for (std::size_t i = 0; i < plan.runs.size(); ++i) {
      EXPECT_EQ(checked.cost(i).work > 0, i % 3 == 1) << i;
      if (i % 3 == 1) {
        EXPECT_EQ(checked.take(i).seeds.noise, i + 1);
      }
    }
  });
}

TEST_F(SweepRunner, OneRunThatFailsIsReportedAndTheOthersAreMade) {
  const Plan plan = plan_of("phase.0.step_size = [1e200, 0.1, 0.2]\n");
  const auto out = make(plan, "out");
  EXPECT_EQ(endings, (std::vector<std::string>{"diverged", "finished", "finished"}));
  // A damaged checkpoint stops its own run only.
  std::filesystem::remove(out / "step_size=0.1" / "summary.json");
  test::write_bytes(out / "step_size=0.1" / "checkpoint.h5", "damaged");
  std::filesystem::remove_all(out / "step_size=0.2");
  resume(plan, out);
  EXPECT_EQ(endings, (std::vector<std::string>{"earlier", "failed", "finished"}));
  EXPECT_TRUE(mentions(messages, "step_size=0.1/checkpoint.h5: it does not begin as a checkpoint does"));
  EXPECT_TRUE(mentions(read_bytes(out / "index.csv"), "step_size=1e+200,,1e+200,diverged,"));
}

TEST_F(SweepRunner, ARunOfAnotherProcessIsLeftAlone) {
  const Plan plan = plan_of("seed = [1, 2]\n");
  std::filesystem::create_directory(directory / "out");
  const RunDirectory elsewhere = RunDirectory::reopen(directory / "out" / "seed=1");
  resume(plan, directory / "out");
  EXPECT_EQ(endings, (std::vector<std::string>{"failed", "finished"}));
  EXPECT_TRUE(mentions(messages, "another process is running there"));
}

TEST_F(SweepRunner, ARunThatIsALinkToAnotherPlaceIsRefused) {
  const Plan plan = plan_of("seed = [1, 2]\n");
  std::filesystem::create_directories(directory / "out");
  std::filesystem::create_directory(directory / "elsewhere");
  std::filesystem::create_directory_symlink(directory / "elsewhere", directory / "out" / "seed=1");
  resume(plan, directory / "out");
  EXPECT_EQ(endings, (std::vector<std::string>{"refused", "finished"}));
  EXPECT_TRUE(mentions(messages, "it is a link"));
  EXPECT_TRUE(std::filesystem::is_empty(directory / "elsewhere"));
}

TEST_F(SweepRunner, AShardTakesOnlyADirectoryOfItsExperiment) {
  SweepOptions shard;
  shard.num_shards = 2;
  const auto out = make(plan_of("seed = [1, 2]\n"), "out", shard);
  EXPECT_TRUE(mentions(message_of<InvalidInput>([&] { start_sweep(plan_of("seed = [1, 3]\n"), out, shard); }),
                       "is not one of this experiment"));
  EXPECT_TRUE(
      mentions(message_of<InvalidInput>([&] { start_sweep(plan_of("seed = [1, 2]\n"), out, {}); }), "not empty"));
}

/// The last two hundred of a thousand runs take no more of the processor than the first: an index written after every
/// run, of all runs, would make them nine times as long. The two are of one process, so that its speed cancels.
TEST_F(SweepRunner, AThousandRunsDoNotSlowDown) {
  std::string seeds;
  for (int i = 0; i < 1000; ++i) {
    seeds += fmt::format("{}{}", i == 0 ? "" : ", ", i);
  }
  const Plan plan = plan_of("seed = [" + seeds + "]\n");
  with_threads(1, [&] { make(plan, "out"); });
  ASSERT_EQ(endings.size(), 1000U);
  const auto between = [this](std::size_t first, std::size_t last) {
    return static_cast<double>(processor_times[last] - processor_times[first]);
  };
  EXPECT_LT(between(799, 999), 3 * between(0, 200));
}

}  // namespace
}  // namespace mfld
