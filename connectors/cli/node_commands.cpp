#include "connectors/cli/node_commands.hpp"

#include "connectors/cli/output.hpp"
#include "connectors/cli/session.hpp"
#include "connectors/node/node_directory.hpp"

#include <boost/program_options.hpp>

#include <iostream>

namespace muster::connectors {

namespace po = boost::program_options;

namespace {

constexpr int usage_error = 2;

/// What is said about one of these commands.
struct node_command {
  std::string name;
  std::string usage;  ///< what stands behind the name
  std::string summary;
  std::string example;
  po::options_description own{};  ///< options that the others have not
  po::positional_options_description positions{};
  bool shows_configuration = false;  ///< --help ends with every option of --config and --set
};

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

void print_help(const node_command& command, const po::options_description& options) {
  std::cout << "muster " << command.name << ' ' << command.usage << "[options]\n"
            << command.summary << "\n\n"
            << options
            << "\nWhat is given later prevails: defaults, --config, --set, then --data, --https, --journal and "
               "--kafka.\n";
  if (!command.example.empty()) std::cout << "Example: " << command.example << '\n';
  if (command.shows_configuration)
    std::cout << "\nAll options of --config and --set, as a configuration file:\n\n" << print_config({});
  else
    std::cout << "All options of --config and --set: 'muster " << command.name << " --print-config'\n";
}

int run(const node_command& command, const arguments_of_command& arguments, const environment& env,
        const std::function<int(const node_config&, const po::variables_map&)>& work) {
  po::options_description options("Options");
  for (const auto& each : command.own.options()) options.add(each);
  const auto common = node_options();
  for (const auto& each : common.options()) options.add(each);
  po::variables_map given;
  try {
    auto all = po::options_description().add(options);
    for (unsigned i = 0; i < command.positions.max_total_count(); ++i)
      all.add_options()(command.positions.name_for_position(i).c_str(), po::value<std::string>());
    po::store(po::command_line_parser(arguments).options(all).positional(command.positions).run(), given);
  } catch (const po::error& e) {
    std::cerr << "muster " << command.name << ": " << e.what() << "; see 'muster " << command.name << " --help'\n";
    return usage_error;
  }
  if (given.count("help") != 0) {
    print_help(command, options);
    return 0;
  }
  if (const auto& form = given["output"].as<std::string>(); form != "json" && form != "table") {
    std::cerr << "muster: --output is json or table, not '" << form << "'\n";
    return usage_error;
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

bool json_in(const po::variables_map& given) {
  return given["output"].as<std::string>() == "json";
}

std::string text_in(const po::variables_map& given, const char* option) {
  return given.count(option) == 0 ? std::string() : given[option].as<std::string>();
}

}  // namespace

int run_serve(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  node_command serve{"serve", "", "runs a node until SIGTERM or ctrl-c; prints one line on stdout when it serves",
                     "muster serve --data /var/lib/muster --https 0.0.0.0:8443 --set https.names=dps.example"};
  serve.shows_configuration = true;
  return run(serve, arguments, env, [&](const node_config& config, const po::variables_map&) {
    go_on_without_output();
    return commands.serve(config);
  });
}

int run_cluster_init(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  const node_command init{"cluster init", "",
                          "makes, once, what nodes on Kafka share: topics, master key, CA and operator token; --kafka "
                          "says where the brokers are",
                          "muster cluster init --data /var/lib/muster --kafka broker1:9092"};
  return run(init, arguments, env, [&](node_config config, const po::variables_map& given) {
    config.journal_kind = "kafka";
    return commands.cluster_init(config, json_in(given));
  });
}

/// `--from` and `--to` are said although there is one way only: nobody should move a history by mistake.
int run_migrate(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  node_command migrate{
      "migrate", "--from embedded --to kafka ",
      "copies the history and the keys of a stopped node's --data to the brokers at --kafka, reads both ends and "
      "compares\nthem. May be interrupted and run again. Until it is done nobody serves what is on the brokers, and "
      "from then on\nnobody serves what is in --data.",
      "muster migrate --from embedded --to kafka --data /var/lib/muster --kafka broker1:9092,broker2:9092"};
  migrate.own.add_options()("from", po::value<std::string>()->value_name("embedded"), "where the history is")(
      "to", po::value<std::string>()->value_name("kafka"), "where it is brought");
  return run(migrate, arguments, env, [&](const node_config& config, const po::variables_map& given) {
    if (text_in(given, "from") != "embedded" || text_in(given, "to") != "kafka")
      fail_command("say --from embedded --to kafka; see 'muster migrate --help'", usage_error);
    return commands.migrate(config, json_in(given));
  });
}

int run_repair(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  node_command repair{
      "repair", "--shard N --hash HASH --reason TEXT ",
      "Says of a frame at which a shard has stopped (/readyz, 'muster verify' and the log name it) that it does not "
      "count.\n"
      "Appends that to the journal, with your name and reason; every reader passes the frame from then on. It cannot "
      "be\n"
      "taken back. The node of --data must not run; start it, and restart the others, afterwards.",
      "muster repair --data /var/lib/muster --shard 3 --hash 5f0c...e1 --reason 'of the cluster restored by mistake'"};
  auto add = repair.own.add_options();
  add("shard", po::value<std::uint32_t>()->value_name("N"), "the shard that has stopped");
  add("hash", po::value<std::string>()->value_name("HASH"), "the hash of the frame, 64 hexadecimal digits");
  add("reason", po::value<std::string>()->value_name("TEXT"),
      "why it does not count, for those who read the log later");
  add("operator", po::value<std::string>()->value_name("NAME"), "who says so; the user who runs this unless set");
  return run(repair, arguments, env, [&](const node_config& config, const po::variables_map& given) {
    for (const auto* each : {"shard", "hash", "reason"}) {
      if (given.count(each) == 0)
        fail_command(std::string("repair: --") + each + " is missing; see 'muster repair --help'", usage_error);
    }
    if (node_serves(config.data)) fail_command("a node serves " + config.data.string() + ": stop it first");
    return commands.repair_stopped(config, {given["shard"].as<std::uint32_t>(), text_in(given, "hash"),
                                            text_in(given, "operator"), text_in(given, "reason"), json_in(given)});
  });
}

int verify_without_node(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  return run({"verify", "", "", ""}, arguments, env, [&](const node_config& config, const po::variables_map& given) {
    return commands.verify_stopped(config, json_in(given));
  });
}

int rebuild_without_node(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  return run({"rebuild", "", "", ""}, arguments, env, [&](const node_config& config, const po::variables_map& given) {
    return commands.rebuild_stopped(config, json_in(given));
  });
}

int recount_without_node(const arguments_of_command& arguments, const environment& env, const node_commands& commands) {
  node_command usage{"usage", "", "", ""};
  usage.own.add_options()("recount", "");
  usage.positions.add("SERVICE", 1);
  return run(usage, arguments, env, [&](const node_config& config, const po::variables_map& given) {
    if (given.count("SERVICE") == 0) fail_command("usage: SERVICE is missing; see 'muster usage --help'", usage_error);
    const auto report = commands.recount_stopped(config, text_in(given, "SERVICE"));
    if (!report) fail_command(report.error().text);
    return print_recount(*report, json_in(given));
  });
}

}  // namespace muster::connectors
