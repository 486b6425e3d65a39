#include "connectors/json_log.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <unistd.h>

using namespace muster;

BOOST_AUTO_TEST_SUITE(json_log_)

BOOST_AUTO_TEST_CASE(a_line_is_one_json_object_and_lower_levels_are_left_out) {
  const tests::temporary_directory directory;
  const tests::fake_clock clock;
  const int file = ::open((directory / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  const auto log = connectors::make_json_log(file, engine::log_level::info, clock);
  log->write(engine::log_level::debug, "not this");
  log->write(engine::log_level::warning, "a \"quoted\"\nline", {{"bytes", "\xff"}, {"text", "\xc3\xa9"}});
  ::close(file);
  BOOST_TEST(tests::read_file(directory / "log") ==
             "{\"time\":\"2026-01-01T00:00:00.0000000Z\",\"level\":\"warning\",\"message\":\"a \\\"quoted\\\"\\nline\","
             "\"bytes\":\"\xef\xbf\xbd\",\"text\":\"\xc3\xa9\"}\n");
}

BOOST_AUTO_TEST_CASE(a_line_that_cannot_be_written_is_dropped) {
  const tests::fake_clock clock;
  const auto log = connectors::make_json_log(-1, engine::log_level::debug, clock);
  log->write(engine::log_level::error, "nobody hears this");
}

BOOST_AUTO_TEST_SUITE_END()
