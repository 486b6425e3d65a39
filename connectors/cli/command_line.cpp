#include "connectors/cli/command_line.hpp"

#include "connectors/cli/session.hpp"
#include "connectors/node_directory.hpp"

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

// ---- commands of this process

po::options_description node_options() {
  po::options_description described("Options");
  described.add_options()("data", po::value<std::string>()->value_name("DIR"),
                          "everything the node keeps; ./muster-data unless set")(
      "https", po::value<std::string>()->value_name("ADDR:PORT"), "where to listen; port 0 picks a free one")(
      "journal", po::value<std::string>()->value_name("embedded|kafka"), "where the log is")(
      "kafka", po::value<std::string>()->value_name("HOST:PORT,..."), "the Kafka brokers to ask first")(
      "config", po::value<std::string>()->value_name("FILE"), "a TOML file with options")(
      "set", po::value<std::vector<std::string>>()->value_name("section.key=value"),
      "sets one option; may be repeated")("print-config",
                                          "prints a complete configuration file with every option, and ends")(
      "output,o", po::value<std::string>()->value_name("json|table")->default_value("table"),
      "how to print")("help,h", "this text");
  return described;
}

/// The configuration that the arguments describe: defaults, then the file, then --set, then the shorthands. Throws
/// `command_failure`.
node_config config_of(const po::variables_map& given, const environment& env) {
  node_config config;
  const auto demand = [](const engine::result<void>& done) {
    if (!done) fail_command(done.error().text, usage_error);
  };
  if (!env.data.empty()) config.data = env.data;
  if (given.count("config") != 0) demand(read_config_file(given["config"].as<std::string>(), config));
  if (given.count("set") != 0) {
    for (const auto& each : given["set"].as<std::vector<std::string>>()) demand(set_option(each, config));
  }
  if (given.count("data") != 0) config.data = given["data"].as<std::string>();
  if (given.count("https") != 0) {
    const auto set = set_option("https.address=" + given["https"].as<std::string>(), config);
    if (!set) fail_command("--https" + set.error().text.substr(set.error().text.find(": ")), usage_error);
  }
  if (given.count("journal") != 0) demand(set_option("journal.kind=" + given["journal"].as<std::string>(), config));
  if (given.count("kafka") != 0) config.kafka_bootstrap = given["kafka"].as<std::string>();
  demand(check_config(config));
  return config;
}

int run_node_command(const std::string& name, const std::string& summary, const std::vector<std::string>& arguments,
                     const environment& env,
                     const std::function<int(const node_config&, const po::variables_map&)>& work) {
  po::variables_map given;
  try {
    po::store(po::command_line_parser(arguments).options(node_options()).positional({}).run(), given);
  } catch (const po::error& e) {
    std::cerr << "muster " << name << ": " << e.what() << "; see 'muster " << name << " --help'\n";
    return usage_error;
  }
  if (given.count("help") != 0) {
    std::cout << "muster " << name << " [options]\n"
              << summary << "\n\n"
              << node_options()
              << "\nWhat is given later prevails: defaults, --config, --set, then --data and --https.\n"
                 "Example: muster serve --data /var/lib/muster --https 0.0.0.0:8443 --set https.names=dps.example\n"
                 "\nAll options of --config and --set, as a configuration file:\n\n"
              << print_config({});
    return 0;
  }
  try {
    const auto config = config_of(given, env);
    if (given.count("print-config") != 0) {
      std::cout << print_config(config);
      return 0;
    }
    return work(config, given);
  } catch (const command_failure& failed) {
    std::cerr << "muster: " << failed.message << '\n';
    return failed.exit_code;
  }
}

constexpr auto serve_summary = "runs a node until SIGTERM or ctrl-c; prints one line on stdout when it serves";
constexpr auto cluster_init_summary = "makes, once, what nodes on Kafka share: topics, master key, CA and operator "
                                      "token; --kafka says where the brokers are";
constexpr auto migrate_summary =
    "--from embedded --to kafka: copies the history and the keys of a stopped node's --data to the brokers at --kafka, "
    "reads both ends and compares them; may be interrupted and run again";

int run_cluster_init(const std::vector<std::string>& arguments, const environment& env, const node_commands& commands) {
  return run_node_command("cluster init", cluster_init_summary, {arguments.begin() + 1, arguments.end()}, env,
                          [&](node_config config, const po::variables_map& given) {
                            config.journal_kind = "kafka";
                            return commands.cluster_init(config, given["output"].as<std::string>() == "json");
                          });
}

/// `--from` and `--to` are said although there is one way only: nobody should move a history by mistake.
int run_migrate(std::vector<std::string> arguments, const environment& env, const node_commands& commands) {
  const auto take = [&](const std::string& name, const std::string& value) {
    const auto joined = std::ranges::find(arguments, name + "=" + value);
    if (joined != arguments.end()) return arguments.erase(joined), true;
    const auto at = std::ranges::find(arguments, name);
    if (at == arguments.end() || at + 1 == arguments.end() || *(at + 1) != value) return false;
    arguments.erase(at, at + 2);
    return true;
  };
  const bool helped = std::ranges::find(arguments, "--help") != arguments.end();
  const bool from = take("--from", "embedded");
  const bool to = take("--to", "kafka");
  if (!helped && (!from || !to)) {
    std::cerr << "muster migrate: say --from embedded --to kafka; see 'muster migrate --help'\n";
    return usage_error;
  }
  return run_node_command("migrate", migrate_summary, arguments, env,
                          [&](const node_config& config, const po::variables_map& given) {
                            return commands.migrate(config, given["output"].as<std::string>() == "json");
                          });
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
               "Exit codes: 0 done, 1 refused or failed (message on stderr), 2 wrong usage.\n";
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

// `muster usage SERVICE --recount` where no node runs.
int recount_without_node(const std::vector<std::string>& arguments, const environment& env,
                         const node_commands& commands) {
  po::options_description described;
  described.add(node_options()).add_options()("recount", "")("SERVICE", po::value<std::string>());
  po::positional_options_description positions;
  positions.add("SERVICE", 1);
  po::variables_map given;
  try {
    po::store(po::command_line_parser(arguments).options(described).positional(positions).run(), given);
    if (given.count("SERVICE") == 0) throw po::error("SERVICE is missing");
  } catch (const po::error& e) {
    std::cerr << "muster usage: " << e.what() << "; see 'muster usage --help'\n";
    return usage_error;
  }
  try {
    const auto report = commands.recount_stopped(config_of(given, env), given["SERVICE"].as<std::string>());
    if (!report) fail_command(report.error().text);
    return print_recount(*report, given["output"].as<std::string>() == "json");
  } catch (const command_failure& failed) {
    std::cerr << "muster: " << failed.message << '\n';
    return failed.exit_code;
  }
}

constexpr const char* repair_help =
    "muster repair --shard N --hash HASH --reason TEXT [--operator NAME] [options]\n"
    "Says of a frame at which a shard has stopped (/readyz, 'muster verify' and the log name it) that it does not "
    "count.\n"
    "Appends that to the journal, with your name and reason; every reader passes the frame from then on. It cannot be\n"
    "taken back. The node of --data must not run; start it, and restart the others, afterwards.\n"
    "Example: muster repair --data /var/lib/muster --shard 3 --hash 5f0c...e1 --reason 'of the cluster restored by "
    "mistake'\n\n";

// `muster repair`: only where no node runs, so that nothing else of this directory is being written.
int run_repair(const std::vector<std::string>& arguments, const environment& env, const node_commands& commands) {
  po::options_description described = node_options();
  auto add = described.add_options();
  add("shard", po::value<std::uint32_t>()->value_name("N"), "the shard that has stopped");
  add("hash", po::value<std::string>()->value_name("HASH"), "the hash of the frame, 64 hexadecimal digits");
  add("reason", po::value<std::string>()->value_name("TEXT"),
      "why it does not count, for those who read the log later");
  add("operator", po::value<std::string>()->value_name("NAME"), "who says so; the user who runs this unless set");
  po::variables_map given;
  try {
    po::store(po::command_line_parser(arguments).options(described).positional({}).run(), given);
    if (given.count("help") != 0) {
      std::cout << repair_help << described;
      return 0;
    }
    for (const auto* each : {"shard", "hash", "reason"}) {
      if (given.count(each) == 0) throw po::error(std::string("--") + each + " is missing");
    }
  } catch (const po::error& e) {
    std::cerr << "muster repair: " << e.what() << "; see 'muster repair --help'\n";
    return usage_error;
  }
  try {
    const auto config = config_of(given, env);
    if (node_serves(config.data)) fail_command("a node serves " + config.data.string() + ": stop it first");
    repair_request request{given["shard"].as<std::uint32_t>(),
                           given["hash"].as<std::string>(),
                           {},
                           given["reason"].as<std::string>(),
                           given["output"].as<std::string>() == "json"};
    if (given.count("operator") != 0) request.by = given["operator"].as<std::string>();
    return commands.repair_stopped(config, request);
  } catch (const command_failure& failed) {
    std::cerr << "muster: " << failed.message << '\n';
    return failed.exit_code;
  }
}

// A node that serves a data directory holds its lock: only without one are its files looked at directly.
bool node_runs(const std::vector<std::string>& arguments, const environment& env) {
  if (!env.url.empty()) return true;
  std::string data = env.data.empty() ? "muster-data" : env.data;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    if (arguments[i].starts_with("--url")) return true;
    if (arguments[i] == "--data" && i + 1 < arguments.size())
      data = arguments[i + 1];
    else if (arguments[i].starts_with("--data="))
      data = arguments[i].substr(7);
  }
  return node_serves(data);
}

}  // namespace

int run_command_line(const std::vector<std::string>& arguments, const environment& env, const node_commands& commands) {
  if (arguments.size() > 1 && arguments[0] == "help") {
    std::vector<std::string> asked(arguments.begin() + 1, arguments.end());
    asked.emplace_back("--help");
    return run_command_line(asked, env, commands);
  }
  if (arguments.empty() || arguments[0] == "help" || arguments[0] == "--help" || arguments[0] == "-h") {
    print_overview();
    return arguments.empty() ? usage_error : 0;
  }
  const std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
  if (arguments[0] == "version" || arguments[0] == "--version") {
    return print_version(rest, commands.version);
  }
  if (arguments[0] == "serve") {
    return run_node_command(
        "serve", serve_summary, rest, env,
        [&](const node_config& config, const po::variables_map&) { return commands.serve(config); });
  }
  if (arguments[0] == "cluster" && !rest.empty() && rest[0] == "init") return run_cluster_init(rest, env, commands);
  if (arguments[0] == "migrate") return run_migrate(rest, env, commands);
  if (arguments[0] == "repair") return run_repair(rest, env, commands);
  const bool asks_for_help =
      std::ranges::find(rest, "--help") != rest.end() || std::ranges::find(rest, "-h") != rest.end();
  const bool either = arguments[0] == "verify" || arguments[0] == "rebuild";
  const bool offline = either && !asks_for_help && !node_runs(rest, env);
  if (offline) {
    const auto& work = arguments[0] == "verify" ? commands.verify_stopped : commands.rebuild_stopped;
    return run_node_command(arguments[0], "", rest, env,
                            [&](const node_config& config, const po::variables_map& given) {
                              return work(config, given["output"].as<std::string>() == "json");
                            });
  }
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

}  // namespace muster::connectors
