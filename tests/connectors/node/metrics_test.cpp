#include "connectors/node/metrics.hpp"

#include <boost/test/unit_test.hpp>

#include <memory>

using namespace muster;
using namespace std::chrono_literals;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(metrics_)

BOOST_AUTO_TEST_CASE(counters_gauges_and_histograms_have_their_names_and_values) {
  const auto counted = std::make_unique<engine::telemetry>();
  counted->registration_attempts[std::size_t(engine::attempt_result::refused)] = 3;
  counted->frames_void = 2;
  counted->device_actors = 7;
  counted->commands[std::size_t(engine::command_stage::queued)] = 4;
  counted->append_latency.observe(3ms);
  counted->append_latency.observe(5ms);
  counted->append_latency.observe(60s);
  const auto text =
      connectors::render_metrics(*counted, {{"muster_journal_disk_bytes", "Bytes on disk.", [] { return 42.0; }}});
  for (const auto line :
       {"muster_registration_attempts_total{result=\"refused\"} 3",
        "muster_registration_attempts_total{result=\"assigned\"} 0", "muster_journal_frames_total{verdict=\"void\"} 2",
        "muster_commands_in_flight{stage=\"queued\"} 4", "muster_device_actors 7", "# TYPE muster_device_actors gauge",
        "muster_journal_append_seconds_bucket{le=\"0.002\"} 0", "muster_journal_append_seconds_bucket{le=\"0.005\"} 2",
        "muster_journal_append_seconds_bucket{le=\"15\"} 2", "muster_journal_append_seconds_bucket{le=\"+Inf\"} 3",
        "muster_journal_append_seconds_count 3", "# TYPE muster_journal_append_seconds histogram",
        "muster_journal_disk_bytes 42", "# HELP muster_journal_disk_bytes Bytes on disk."}) {
    BOOST_TEST(has_line(text, line), line);
  }
  BOOST_TEST(text.find("muster_journal_append_seconds_sum 60.008") != std::string::npos);
  BOOST_TEST(text.find("\nprocess_cpu_seconds_total ") != std::string::npos);
  BOOST_TEST(text.find("\nprocess_resident_memory_bytes ") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(every_metric_has_a_help_text_and_a_type) {
  const auto counted = std::make_unique<engine::telemetry>();
  const auto text = connectors::render_metrics(*counted);
  std::size_t helps = 0;
  std::size_t types = 0;
  for (std::size_t at = 0; (at = text.find("# HELP ", at)) != std::string::npos; ++at) ++helps;
  for (std::size_t at = 0; (at = text.find("# TYPE ", at)) != std::string::npos; ++at) ++types;
  BOOST_TEST(helps == types);
  BOOST_TEST(helps > 20);
}

BOOST_AUTO_TEST_SUITE_END()
