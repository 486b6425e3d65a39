#include "connectors/cli/command_line.hpp"

#include <boost/test/unit_test.hpp>

#include <cerrno>
#include <iostream>
#include <sstream>

namespace {

using namespace muster;

/// What a command printed, and its exit code.
struct command_run {
  int code = 0;
  std::string out;
  std::string err;
};

/// Keeps what is written to a stream while it lives.
class captured {
public:
  explicit captured(std::ostream& stream) : stream_(stream), before_(stream.rdbuf(text_.rdbuf())) {}
  ~captured() { stream_.rdbuf(before_); }
  captured(const captured&) = delete;
  captured& operator=(const captured&) = delete;
  std::string text() const { return text_.str(); }

private:
  std::ostringstream text_;
  std::ostream& stream_;
  std::streambuf* before_;
};

/// Runs a command that reaches no node: there is none.
command_run muster_with(const std::vector<std::string>& arguments) {
  const captured out(std::cout);
  const captured err(std::cerr);
  connectors::environment env;
  env.data = "/nonexistent";
  const int code = connectors::run_command_line(arguments, env, {});
  return {code, out.text(), err.text()};
}

/// Takes so many bytes, as a disk does that is nearly full, and no more.
class short_output final : public std::streambuf {
public:
  short_output(int why, int room) : why_(why), room_(room) {}

protected:
  int_type overflow(int_type c) override {
    if (room_-- > 0) return traits_type::not_eof(c);
    errno = why_;
    return traits_type::eof();
  }

private:
  int why_;
  int room_;
};

/// Runs a command whose output takes `room` bytes and then fails.
command_run muster_onto(int why, int room, const std::vector<std::string>& arguments,
                        const connectors::node_commands& commands = {}) {
  short_output output(why, room);
  const captured err(std::cerr);
  auto* const before = std::cout.rdbuf(&output);
  const int code = connectors::run_command_line(arguments, {}, commands);
  std::cout.rdbuf(before);
  return {code, {}, err.text()};
}

void refuses(const std::vector<std::string>& arguments, const std::string& phrase) {
  const auto run = muster_with(arguments);
  BOOST_TEST(run.code == 2, arguments.front() << " " << arguments.at(1) << " gave " << run.code << ": " << run.err);
  BOOST_TEST(run.out == "");
  BOOST_TEST(run.err.find(phrase) != std::string::npos, run.err);
}

const std::string key = "a2tra2tra2tra2tra2tra2tra2s=";

}  // namespace

BOOST_AUTO_TEST_SUITE(command_line)

BOOST_AUTO_TEST_CASE(a_key_is_derived_from_a_key_only) {
  refuses({"group", "derive-key", "dev-1"}, "--key is missing");
  refuses({"group", "derive-key", "dev-1", "--key", ""}, "--key: expected a key in base64");
  refuses({"group", "derive-key", "dev-1", "--key", "no base64"}, "--key: expected a key in base64");
  // printf dev-1 | openssl dgst -sha256 -hmac kkkkkkkkkkkkkkkkkkkk -binary | base64
  BOOST_TEST(muster_with({"group", "derive-key", "dev-1", "--key", key}).out ==
             "6/yWcRH2xZ/RCfkiE0TJ6BpcPiiNBTZUwUU9gGzkQmQ=\n");
}

BOOST_AUTO_TEST_CASE(a_device_registers_with_a_key_only) {
  const std::vector<std::string> device = {"device", "register", "--id", "dev-1", "--id-scope", "0ne00000001"};
  const auto with = [&](const std::string& option, const std::string& value) {
    auto arguments = device;
    arguments.insert(arguments.end(), {option, value});
    return arguments;
  };
  refuses(device, "either --key");
  refuses(with("--key", ""), "--key: expected a key in base64");
  refuses(with("--group-key", "!"), "--group-key: expected a key in base64");
}

BOOST_AUTO_TEST_CASE(an_empty_id_is_wrong_usage) {
  refuses({"hub", "delete-device", "demo", "hub1", ""}, "DEVICE is empty");
  refuses({"hub", "devices", "demo", "hub1", ""}, "DEVICE is empty");
  refuses({"enrollment", "delete", "demo", ""}, "ID is empty");
  refuses({"service", "show", ""}, "NAME is empty");
  refuses({"hub", "unlink", "", "hub1"}, "SERVICE is empty");
}

BOOST_AUTO_TEST_CASE(output_that_cannot_be_written_is_a_failure_of_every_command) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"help"},
                                                    {"serve", "--help"},
                                                    {"serve", "--print-config"},
                                                    {"history", "--help"},
                                                    {"group", "derive-key", "dev-1", "--key", key}}) {
    const auto run = muster_onto(ENOSPC, 20, arguments);
    BOOST_TEST(run.code == 1, arguments.front());
    BOOST_TEST(run.err == "muster: the output could not be written: No space left on device\n", arguments.front());
  }
}

BOOST_AUTO_TEST_CASE(nothing_is_said_when_nobody_reads_the_output_any_more) {
  const auto run = muster_onto(EPIPE, 20, {"help"});
  BOOST_TEST(run.code == 141);
  BOOST_TEST(run.err == "");
}

BOOST_AUTO_TEST_CASE(a_node_that_cannot_say_that_it_is_ready_serves_all_the_same) {
  bool served = false;
  connectors::node_commands commands;
  commands.serve = [&](const connectors::node_config&) {
    std::cout << "ready" << std::endl;
    served = true;
    return 0;
  };
  const auto run = muster_onto(ENOSPC, 0, {"serve"}, commands);
  BOOST_TEST(served);
  BOOST_TEST(run.code == 1);
}

BOOST_AUTO_TEST_CASE(a_tail_begins_at_one_place_and_a_list_of_types_has_some) {
  refuses({"tail", "demo", "--from-start", "--after", "0-1"}, "give either --after or --from-start");
  refuses({"tail", "demo", "--types", ""}, "--types: expected names separated by commas, not ''");
  refuses({"tail", "demo", "--types", ","}, "--types: expected names");
  refuses({"webhook", "set", "demo", "https://e.example", "--types", ""}, "--types: expected names");
}

BOOST_AUTO_TEST_CASE(what_is_given_prevails_over_the_environment) {
  const captured out(std::cout);
  const captured err(std::cerr);
  connectors::environment env;
  env.url = "https://127.0.0.1:1";
  BOOST_TEST(connectors::run_command_line({"service", "list", "--data", "/nonexistent"}, env, {}) == 1);
  BOOST_TEST(err.text().contains("no node serves the data directory /nonexistent"), err.text());
  bool offline = false;
  connectors::node_commands commands;
  commands.verify_stopped = [&](const connectors::node_config& config, bool) {
    offline = config.data == "/nonexistent";
    return 0;
  };
  BOOST_TEST(connectors::run_command_line({"verify", "--data=/nonexistent"}, env, commands) == 0);
  BOOST_TEST(offline);
}

BOOST_AUTO_TEST_CASE(a_history_is_moved_only_where_both_ends_are_named) {
  refuses({"migrate", "--data", "somewhere"}, "say --from embedded --to kafka");
  refuses({"migrate", "--from", "kafka", "--to", "embedded"}, "say --from embedded --to kafka");
  refuses({"migrate", "--from", "embedded"}, "say --from embedded --to kafka");
  refuses({"migrate", "--from"}, "required argument");
  const auto help = muster_with({"migrate", "--help"});
  BOOST_TEST(help.code == 0);
  for (const auto* each : {"--from embedded ", "--to kafka ", "--data DIR", "--kafka HOST:PORT"})
    BOOST_TEST(help.out.contains(each), help.out);
}

BOOST_AUTO_TEST_CASE(a_form_of_output_that_there_is_not_is_wrong_usage_for_every_command) {
  refuses({"serve", "--output", "xml"}, "--output is json or table, not 'xml'");
  refuses({"service", "list", "--output", "xml"}, "--output is json or table, not 'xml'");
}

BOOST_AUTO_TEST_CASE(a_node_with_a_wrong_configuration_is_wrong_usage_and_never_begins) {
  // Were one begun, these commands would throw: there are none.
  refuses({"serve", "--https", "nowhere"}, "muster: --https: 'nowhere' is no address to listen on");
  refuses({"serve", "--set", "https.address=nowhere"}, "muster: --set https.address: 'nowhere' is no address");
  refuses({"serve", "--set", "https.certificate_file=a.pem"},
          "--set https.certificate_file: https.key_file is missing");
}

BOOST_AUTO_TEST_SUITE_END()
