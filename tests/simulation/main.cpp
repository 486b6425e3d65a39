#include "tests/simulation/defects.hpp"
#include "tests/simulation/simulator.hpp"

#include <boost/program_options.hpp>

#include <chrono>
#include <iostream>

namespace {

namespace options = boost::program_options;
using namespace muster::simulation;

#ifdef MUSTER_SIMULATION_PLANTS_ENGINE
constexpr bool engine_can_be_planted = true;
#else
constexpr bool engine_can_be_planted = false;
#endif

void print_trace(std::uint64_t seed, bool truncating) {
  const auto again = run(seed, true, truncating);
  for (const auto& line : again.trace) std::cout << "  " << line << '\n';
}

// 0 if all went well, 1 if not: with a planted defect it is well to find one.
int run_seeds(std::uint64_t first, std::uint64_t count, bool truncating, bool want_violation, bool trace) {
  const auto begin = std::chrono::steady_clock::now();
  statistics sum;
  std::uint64_t bad = 0;
  for (auto seed = first; seed < first + count; ++seed) {
    const auto result = run(seed, false, truncating);
    sum.add(result.counts);
    if (!result.violation) continue;
    ++bad;
    if (want_violation) {
      std::cout << "caught at seed " << seed << ", after " << seed - first + 1 << " seeds: " << *result.violation
                << '\n';
      if (trace) print_trace(seed, truncating);
      return 0;
    }
    std::cout << "seed " << seed << ": " << *result.violation << '\n';
    if (bad == 1) print_trace(seed, truncating);
    if (bad == 10) break;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  std::cout << count << " seeds from " << first << ", " << bad << " violations, " << taken.count()
            << " s: " << sum.frames << " frames (" << sum.void_frames << " void), " << sum.claims << " claims, "
            << sum.answers << " answers, " << sum.given_up << " clients without one, " << sum.conflicts
            << " conflicts, " << sum.restarts << " restarts, at most " << sum.claims_in_calm
            << " claims after faults ended; " << sum.aged_reads << " reads that said how old they were\n"
            << "truncated logs: " << sum.truncated_runs << " runs, " << sum.losing_runs
            << " lost what had been answered, " << sum.silent_runs << " of them without an alarm (nobody was left who "
            << "had folded it), " << sum.stale_answers
            << " answers by nodes that had not noticed yet; operators rebuilt " << sum.rebuilds
            << " times and repaired " << sum.repairs << "; " << sum.found_by_verification
            << " nodes noticed by verification only\n";
  if (want_violation) std::cout << "the planted defect was not caught\n";
  return bad > 0 || want_violation ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t first = 1;
  std::uint64_t count = 500;
  std::string mutant;
  bool truncating = false;
  options::options_description all("Runs the shard's fold and writer through seeded faults. Options");
  auto add = all.add_options();
  add("help", "print this");
  add("seeds", options::value(&count)->default_value(count), "how many seeds to run");
  add("first", options::value(&first)->default_value(first), "the first of them");
  add("truncate", options::bool_switch(&truncating), "the log loses records in every run");
  add("mutant", options::value(&mutant), "plant this defect, and stop at the first seed that catches it");
  add("mutants", "list the defects that can be planted");
  add("trace", "print the last steps of a caught defect too, or of the first seed");
  options::variables_map given;
  try {
    options::store(options::parse_command_line(argc, argv, all), given);
    options::notify(given);
  } catch (const options::error& e) {
    std::cerr << "muster_simulation: " << e.what() << '\n' << all;
    return 2;
  }
  if (given.contains("help")) {
    std::cout << all;
    return 0;
  }
  if (given.contains("mutants")) {
    for (const auto& each : all_defects()) {
      if (!each.in_engine || engine_can_be_planted) std::cout << each.name << '\n';
    }
    return 0;
  }
  if (!mutant.empty()) {
    const auto found = defect_named(mutant);
    if (!found || (found->in_engine && !engine_can_be_planted)) {
      std::cerr << "muster_simulation: "
                << (found ? "only muster_simulation_mutants can plant " : "there is no defect ") << mutant << '\n';
      return 2;
    }
    plant(found->what);
  }
  if (given.contains("trace") && mutant.empty()) {
    print_trace(first, truncating);
    count = 1;
  }
  return run_seeds(first, count, truncating, !mutant.empty(), given.contains("trace"));
}
