#pragma once

#include "connectors/cli/command_line.hpp"
#include "connectors/cli/https_client.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace boost::program_options {
class variables_map;
}

namespace muster::connectors {

/// Ends a command with an exit code and, if there is one, a message on stderr.
struct command_failure {
  int exit_code = 1;
  std::string message;
};

/// One run of a command that talks to a node: what was asked for, and how the node is reached. Members throw
/// `command_failure`, which `run_command_line` reports.
class session {
public:
  session(const boost::program_options::variables_map& given, const environment& env) : given_(given), env_(env) {}

  bool has(const char* option) const;
  std::string text(const char* option) const;
  std::vector<std::string> texts(const char* option) const;
  /// A whole number from `least` on, as it was written; wrong usage if it is none.
  std::string number(const char* option, std::uint64_t least = 0) const;
  /// Names separated by commas, as they were written; wrong usage if there is none.
  std::string names(const char* option) const;
  /// The bytes of a key in base64; wrong usage if it is missing, empty or something else.
  std::string key(const char* option) const;
  bool json() const { return text("output") == "json" || has("json"); }
  const environment& env() const { return env_; }
  /// The data directory: --data, MUSTER_DATA or ./muster-data.
  std::string data() const;

  /// Sends a request as the operator. A status of 300 or more is a failure that says what the node said.
  client_response call(const std::string& method, const std::string& path, const std::string& body = {},
                       std::vector<std::pair<std::string, std::string>> headers = {});
  /// From now on an answer may take as long as it likes.
  void wait_for_long_work() { client().wait_for_long_work(); }
  /// Sends a request with no more than `headers`, and gives whatever came back.
  client_response send(const std::string& method, const std::string& path,
                       const std::vector<std::pair<std::string, std::string>>& headers, const std::string& body);

  /// Follows a stream of events as the operator, from behind `last_id` unless that is empty: `take` gets its bytes
  /// until it gives false. Returns when the stream has ended; the body is that of a refusal. `not_found` if no node
  /// serves the data directory now; other errors are those of `https_client`.
  engine::result<client_response> follow(const std::string& path, const std::string& last_id,
                                         const std::function<bool(std::string_view)>& take);

private:
  https_client& client();
  engine::result<void> find_node();

  const boost::program_options::variables_map& given_;
  const environment& env_;
  std::optional<https_client> client_;
  std::string token_;
};

/// `error` as a failure.
[[noreturn]] void fail_command(std::string message, int exit_code = 1);

// What commands print -----------------------------------------------------------------------------------------------

/// A JSON document as it is if --output is json, else as print_object does. Gives the exit code 0.
int show(const session& s, const std::string& json);
/// Says that something is gone, as JSON if --output is json: `{"registrationId":"dev-1","deleted":true}`; a person is
/// told nothing. Gives the exit code 0.
int show_deleted(const session& s, const std::string& member, const std::string& name);
/// The members of a JSON object as `name  value` lines, nested ones as `outer.inner`; other documents as they are.
void print_object(std::string_view json);
/// A list of JSON objects as an aligned table of the named members (`a.b` for nested ones).
void print_table(const std::vector<std::string>& items, const std::vector<std::string>& columns);
/// The objects in the member `list` of a JSON object, or of a JSON array if `list` is empty, each as JSON text.
std::vector<std::string> items_of(std::string_view json, const std::string& list);
/// A JSON object with some of its members set to other values (JSON text), or added.
std::string with_members(std::string_view json, const std::vector<std::pair<std::string, std::string>>& members);
/// A member's value as plain text, by its path `a.b`; empty if absent.
std::string member_of(std::string_view json, const std::string& path);

/// Prints a CloudEvent in words.
void print_event(const std::string& event);

/// `text` without white space between tokens, or nothing if it is not a JSON object.
std::optional<std::string> compact_object(const std::string& text);

// Commands, by what they are about. Each gives the exit code
// -------------------------------------------------------------

struct command_spec {
  std::string name;                      ///< `service create`
  std::vector<std::string> positionals;  ///< `[NAME]` may be left out, `NAME...` repeats; either is the last
  std::string summary;
  std::string example;
  std::vector<std::pair<std::string, std::string>>
      options;  ///< `hub*=NAME[:WEIGHT]` -> meaning; `*` repeats, no `=` is a flag
  int (*run)(session&);
};

std::vector<command_spec> service_commands();
std::vector<command_spec> enrollment_commands();
std::vector<command_spec> device_commands();
std::vector<command_spec> history_commands();
std::vector<command_spec> tail_commands();
std::vector<command_spec> webhook_commands();
std::vector<command_spec> usage_commands();

/// Says how a recount of usage (`engine::to_json(usage_recount)`) went. Gives the exit code.
int print_recount(const std::string& body, bool json);

}  // namespace muster::connectors
