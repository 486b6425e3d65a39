#include "connectors/cli/command_line.hpp"

#include <boost/test/unit_test.hpp>

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
