#include "connectors/cli/command_line.hpp"

#include "connectors/cli/node_commands.hpp"
#include "connectors/cli/output.hpp"
#include "connectors/cli/session.hpp"
#include "connectors/node/node_directory.hpp"

#include <boost/program_options.hpp>

#include <algorithm>
#include <iostream>

namespace muster::connectors {

namespace po = boost::program_options;

namespace {

constexpr int usage_error = 2;

// ---- commands that talk to a node

std::vector<command_spec> all_commands() {
  std::vector<command_spec> all;
  for (const auto& some : {service_commands(), enrollment_commands(), device_commands(), history_commands(),
                           tail_commands(), usage_commands(), webhook_commands()}) {
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

bool may_be_left_out(const std::string& positional) {
  return positional.starts_with('[');
}
bool repeats(const std::string& positional) {
  return positional.ends_with("...");
}
std::string bare(const std::string& positional) {
  if (may_be_left_out(positional)) return positional.substr(1, positional.size() - 2);
  return repeats(positional) ? positional.substr(0, positional.size() - 3) : positional;
}

po::options_description options_of(const command_spec& command) {
  po::options_description described("Options");
  auto add = described.add_options();
  for (const auto& [form, meaning] : command.options) {
    const auto equals = form.find('=');
    const bool many = equals != std::string::npos && form[equals - 1] == '*';
    const auto name = form.substr(0, equals == std::string::npos ? form.size() : equals - (many ? 1 : 0));
    if (equals == std::string::npos)
      add(name.c_str(), meaning.c_str());
    else if (many)
      add(name.c_str(), po::value<std::vector<std::string>>()->value_name(form.substr(equals + 1)), meaning.c_str());
    else
      add(name.c_str(), po::value<std::string>()->value_name(form.substr(equals + 1)), meaning.c_str());
  }
  add("output,o", po::value<std::string>()->value_name("json|table")->default_value("table"), "how to print");
  add("data", po::value<std::string>()->value_name("DIR"),
      "the node's data directory on this machine (MUSTER_DATA, or ./muster-data)");
  add("url", po::value<std::string>()->value_name("URL"), "the node, https://host:port (MUSTER_URL)");
  add("token", po::value<std::string>()->value_name("TOKEN"), "an operator's token (MUSTER_TOKEN)");
  add("ca", po::value<std::string>()->value_name("FILE"), "the CA certificate to trust (MUSTER_CA)");
  add("help,h", "this text");
  return described;
}

void print_help(const command_spec& command) {
  std::cout << "muster " << command.name;
  for (const auto& each : command.positionals) std::cout << ' ' << each;
  std::cout << " [options]\n" << command.summary << "\n\n" << options_of(command);
  if (!command.example.empty()) std::cout << "\nExample: " << command.example << '\n';
}

int run(const command_spec& command, const std::vector<std::string>& arguments, const environment& env) {
  auto options = options_of(command);
  po::options_description all = options;
  po::positional_options_description positions;
  for (const auto& each : command.positionals) {
    if (repeats(each))
      all.add_options()(bare(each).c_str(), po::value<std::vector<std::string>>());
    else
      all.add_options()(bare(each).c_str(), po::value<std::string>());
    positions.add(bare(each).c_str(), repeats(each) ? -1 : 1);
  }
  po::variables_map given;
  try {
    po::store(po::command_line_parser(arguments).options(all).positional(positions).run(), given);
    po::notify(given);
  } catch (const po::error& e) {
    std::cerr << "muster " << command.name << ": " << e.what() << "; see 'muster " << command.name << " --help'\n";
    return usage_error;
  }
  if (given.count("help") != 0) {
    print_help(command);
    return 0;
  }
  for (const auto& each : command.positionals) {
    const bool there = given.count(bare(each)) != 0;
    // An empty id would leave a path that is about something else.
    const bool empty = there && !repeats(each) && given[bare(each)].as<std::string>().empty();
    if (!empty && (there || may_be_left_out(each))) continue;
    std::cerr << "muster " << command.name << ": " << bare(each) << (empty ? " is empty" : " is missing")
              << "; see 'muster " << command.name << " --help'\n";
    return usage_error;
  }
  if (const auto& form = given["output"].as<std::string>(); form != "json" && form != "table") {
    std::cerr << "muster: --output is json or table, not '" << form << "'\n";
    return usage_error;
  }
  try {
    session s(given, env);
    return command.run(s);
  } catch (const command_failure& failed) {
    if (!failed.message.empty()) std::cerr << "muster: " << failed.message << '\n';
    return failed.exit_code;
  }
}

void print_overview() {
  std::cout << "muster: a self-hosted device provisioning service\n\n"
               "  serve                        runs a node\n"
               "  cluster init                 makes what nodes on Kafka share, once\n"
               "  migrate                      copies a history from the embedded journal to Kafka\n";
  for (const auto& each : all_commands()) {
    std::cout << "  " << each.name << std::string(each.name.size() < 28 ? 29 - each.name.size() : 1, ' ')
              << each.summary << '\n';
  }
  std::cout << "  repair                       says of a frame at which a shard has stopped that it does not count\n"
               "  version                      prints the version\n\n"
               "'muster COMMAND --help' says more about each. Commands talk to a running node: on the same machine "
               "--data DIR,\n"
               "elsewhere --url, --token and --ca (or MUSTER_URL, MUSTER_TOKEN, MUSTER_CA).\n"
               "Exit codes: 0 done, 1 refused or failed (message on stderr), 2 wrong usage.\n"
               "What is given on the command line prevails over the environment.\n";
}

int print_version(const std::vector<std::string>& arguments, const std::string& version) {
  const bool json =
      arguments.size() == 2 && (arguments[0] == "--output" || arguments[0] == "-o") && arguments[1] == "json";
  if (json || (arguments.size() == 1 && arguments[0] == "--output=json"))
    std::cout << "{\"version\":\"" << version << "\"}\n";
  else
    std::cout << "muster " << version << '\n';
  return 0;
}

// A node that serves a data directory holds its lock: only without one are its files looked at directly.
bool node_runs(const std::vector<std::string>& arguments, const environment& env) {
  std::string data = env.data.empty() ? "muster-data" : env.data;
  bool named = false;  // what is given here prevails over MUSTER_URL
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("--url")) return true;
    if (arguments[i] == "--data" && i + 1 < arguments.size())
      data = arguments[i + 1];
    else if (arguments[i].starts_with("--data="))
      data = arguments[i].substr(7);
    named = named || arguments[i] == "--data" || arguments[i].starts_with("--data=");
  }
  if (!named && !env.url.empty()) return true;
  return node_serves(data);
}

int run_any(const std::vector<std::string>& arguments, const environment& env, const node_commands& commands) {
  if (arguments.size() > 1 && arguments[0] == "help") {
    std::vector<std::string> asked(arguments.begin() + 1, arguments.end());
    asked.emplace_back("--help");
    return run_any(asked, env, commands);
  }
  if (arguments.empty() || arguments[0] == "help" || arguments[0] == "--help" || arguments[0] == "-h") {
    print_overview();
    return arguments.empty() ? usage_error : 0;
  }
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (arguments[0] == "version" || arguments[0] == "--version") {
    return print_version(rest, commands.version);
  }
  if (arguments[0] == "serve") return run_serve(rest, env, commands);
  if (arguments[0] == "cluster" && !rest.empty() && rest[0] == "init")
    return run_cluster_init({rest.begin() + 1, rest.end()}, env, commands);
  if (arguments[0] == "migrate") return run_migrate(rest, env, commands);
  if (arguments[0] == "repair") return run_repair(rest, env, commands);
  const bool asks_for_help =
      std::ranges::find(rest, "--help") != rest.end() || std::ranges::find(rest, "-h") != rest.end();
  const bool either = arguments[0] == "verify" || arguments[0] == "rebuild";
  const bool offline = either && !asks_for_help && !node_runs(rest, env);
  if (offline && arguments[0] == "verify") return verify_without_node(rest, env, commands);
  if (offline) return rebuild_without_node(rest, env, commands);
  const bool recounts = arguments[0] == "usage" && std::ranges::find(rest, "--recount") != rest.end();
  if (recounts && !asks_for_help && !node_runs(rest, env)) return recount_without_node(rest, env, commands);
  const auto all = all_commands();
  const auto two = arguments.size() > 1 ? arguments[0] + " " + arguments[1] : std::string();
  if (const auto at = std::ranges::find(all, two, &command_spec::name); at != all.end()) {
    return run(*at, {arguments.begin() + 2, arguments.end()}, env);
  }
  if (const auto at = std::ranges::find(all, arguments[0], &command_spec::name); at != all.end())
    return run(*at, rest, env);
  bool known = false;
  for (const auto& each : all) {
    if (!each.name.starts_with(arguments[0] + " ")) continue;
    if (!known) std::cerr << "muster " << arguments[0] << " has these commands:\n";
    known = true;
    std::cerr << "  muster " << each.name << std::string(each.name.size() < 28 ? 29 - each.name.size() : 1, ' ')
              << each.summary << '\n';
  }
  if (!known) std::cerr << "muster: there is no command '" << arguments[0] << "'; see 'muster help'\n";
  return known && rest.size() == 1 && (rest[0] == "--help" || rest[0] == "-h") ? 0 : usage_error;
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const environment& env, const node_commands& commands) {
  return with_checked_output([&] { return run_any(arguments, env, commands); });
}

}  // namespace muster::connectors
