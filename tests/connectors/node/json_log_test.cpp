#include "connectors/node/json_log.hpp"
#include "tests/support/fake_clock.hpp"
#include "tests/support/files.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>

#include <fcntl.h>
#include <thread>
#include <unistd.h>

using namespace muster;

BOOST_AUTO_TEST_SUITE(json_log_)

BOOST_AUTO_TEST_CASE(a_line_is_one_json_object_and_lower_levels_are_left_out) {
  const tests::temporary_directory directory;
  const tests::fake_clock clock;
  const int file = ::open((directory / "log").c_str(), O_CREAT | O_WRONLY | O_APPEND, 0600);
  auto log = connectors::json_log::on(file, engine::log_level::info, clock);
  log->write(engine::log_level::debug, "not this");
  log->write(engine::log_level::warning, "a \"quoted\"\nline", {{"bytes", "\xff"}, {"text", "\xc3\xa9"}});
  log->write(engine::log_level::info, "another");
  log.reset();
  ::close(file);
  BOOST_TEST(tests::read_file(directory / "log") ==
             "{\"time\":\"2026-01-01T00:00:00.0000000Z\",\"level\":\"warning\",\"message\":\"a \\\"quoted\\\"\\nline\","
             "\"bytes\":\"\xef\xbf\xbd\",\"text\":\"\xc3\xa9\"}\n"
             "{\"time\":\"2026-01-01T00:00:00.0000000Z\",\"level\":\"info\",\"message\":\"another\"}\n");
}

BOOST_AUTO_TEST_CASE(a_line_that_cannot_be_written_is_dropped) {
  const tests::fake_clock clock;
  const auto log = connectors::json_log::on(-1, engine::log_level::debug, clock);
  log->write(engine::log_level::error, "nobody hears this");
  while (log->dropped() == 0) std::this_thread::yield();
  BOOST_TEST(log->dropped() == 1U);
}

BOOST_AUTO_TEST_CASE(a_file_that_was_moved_away_is_opened_again) {
  const tests::temporary_directory directory;
  const tests::fake_clock clock;
  auto made = connectors::json_log::to_file(directory / "log", engine::log_level::info, clock);
  BOOST_REQUIRE(made.has_value());
  auto log = std::move(*made);
  log->write(engine::log_level::error, "first");
  while (tests::read_file(directory / "log").empty()) std::this_thread::yield();
  std::filesystem::rename(directory / "log", directory / "log.1");
  BOOST_REQUIRE(log->reopen().has_value());
  log->write(engine::log_level::info, "second");
  log.reset();
  BOOST_TEST(tests::read_file(directory / "log.1").find("first") != std::string::npos);
  BOOST_TEST(tests::read_file(directory / "log").find("second") != std::string::npos);
  // It is appended to, never emptied.
  BOOST_REQUIRE(connectors::json_log::to_file(directory / "log", engine::log_level::info, clock).has_value());
  BOOST_TEST(tests::read_file(directory / "log").find("second") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_cannot_be_opened_is_told) {
  const tests::temporary_directory directory;
  const tests::fake_clock clock;
  const auto refused = connectors::json_log::to_file(directory / "none" / "log", engine::log_level::info, clock);
  BOOST_REQUIRE(!refused);
  BOOST_TEST(refused.error().text.starts_with("log.file: "));
  BOOST_TEST(refused.error().text.ends_with("cannot be opened: No such file or directory"));
}

BOOST_AUTO_TEST_SUITE_END()
