#include "connectors/node/node_directory.hpp"

#include "connectors/storage/master_key.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"

#include <sys/stat.h>

#include <fcntl.h>
#include <fstream>
#include <simdjson.h>
#include <sstream>
#include <unistd.h>

namespace muster::connectors {

namespace {

using engine::errc;
using engine::fail;
using engine::result;

constexpr std::size_t token_bytes = 32;

// base64url (RFC 4648 section 5) without padding: a token travels in headers and shells.
std::string url_safe(std::string text) {
  while (!text.empty() && text.back() == '=') text.pop_back();
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text;
}

std::optional<std::string> read_line(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!in || !std::getline(in, line)) return std::nullopt;
  return line;
}

// Writes a whole file for its owner's eyes only: beside its place first, so that nobody reads half of it.
result<void> write_private(const std::filesystem::path& file, const std::string& text) {
  auto draft = file;
  draft += ".new";
  const int descriptor = ::open(draft.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) return fail(errc::unavailable, file.string() + " cannot be written");
  const bool written =
      ::write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && ::fsync(descriptor) == 0;
  ::close(descriptor);
  if (!written || ::rename(draft.c_str(), file.c_str()) != 0)
    return fail(errc::unavailable, file.string() + " cannot be written");
  return {};
}

result<std::string> operator_token_of(const node_config& config, engine::entropy& random) {
  const auto file = config.data / "operator.token";
  if (auto token = read_line(file)) return *token;
  auto token = url_safe(events::to_base64(random.draw(token_bytes)));
  if (const auto written = write_private(file, token + "\n"); !written) return std::unexpected(written.error());
  return token;
}

}  // namespace

result<engine::data_key> master_key_of(const node_config& config, std::string_view given, bool create,
                                       engine::entropy& random) {
  if (!given.empty()) return parse_master_key(given);
  const std::filesystem::path file = config.keyring_master_key_file.empty()
                                         ? config.data / "master.key"
                                         : std::filesystem::path(config.keyring_master_key_file);
  std::error_code ignored;
  for (const auto* part : {"keyring", "journal", "keyring-copy"}) {
    const auto sealed = config.data / part;
    if (std::filesystem::exists(file, ignored) || !std::filesystem::exists(sealed, ignored)) continue;
    return fail(errc::not_found, "the master key file " + file.string() + " is missing, and " + sealed.string() +
                                     " cannot be opened with another key: put the file back, or give the key in "
                                     "MUSTER_MASTER_KEY");
  }
  return create ? load_or_make_master_key(file, random) : load_master_key(file);
}

result<std::vector<operator_token>> load_operators(const node_config& config, engine::entropy& random) {
  const auto token = operator_token_of(config, random);
  if (!token) return std::unexpected(token.error());
  std::vector<operator_token> operators{{"admin", events::sha256(*token)}};
  for (const auto& [name, hash] : config.operators) {
    operator_token named{name, {}};
    if (!events::from_hex(hash, named.sha256))
      return fail(errc::invalid, "operators." + name + ": expected 64 hexadecimal digits");
    operators.push_back(std::move(named));
  }
  return operators;
}

result<void> check_same_journal(const node_config& config, const events::journal_id& id) {
  const auto file = config.data / "journal.id";
  const auto wanted = events::to_hex(id.view());
  const auto there = read_line(file);
  if (!there) return write_private(file, wanted + "\n");
  if (*there == wanted) return {};
  return fail(errc::conflict, "the data directory " + config.data.string() + " belongs to the journal " + *there +
                                  ", and the brokers hold " + wanted +
                                  ": give the directory, kafka.topic_prefix and brokers that belong together");
}

result<void> check_journal_embedded(const node_config& config) {
  std::error_code ignored;
  if (std::filesystem::is_directory(config.data / "journal", ignored)) return {};
  return fail(errc::not_found, "there is no embedded journal in " + config.data.string() +
                                   ": name the data directory of the node whose history is to be moved (--data DIR)");
}

result<void> check_journal_not_moved(const node_config& config) {
  const auto file = config.data / "journal.moved";
  if (!std::filesystem::exists(file)) return {};
  return fail(errc::conflict,
              "the history of " + config.data.string() +
                  " was moved to Kafka and goes on there: serve it with --journal kafka. If nothing was "
                  "written there and this one is to go on instead, remove " +
                  file.string() + " and " + (config.data / "projections").string());
}

result<void> close_moved_journal(const node_config& config) {
  if (auto written = write_private(config.data / "journal.moved", "this history goes on in Kafka\n"); !written)
    return written;
  std::error_code failed;
  std::filesystem::remove_all(config.data / "projections", failed);
  if (failed)
    return fail(errc::unavailable, (config.data / "projections").string() + " cannot be removed: " + failed.message() +
                                       "; remove it by hand");
  return {};
}

result<void> write_node_file(const node_config& config, const node_address& address) {
  return write_private(config.data / "node.json", "{\"url\":" + events::to_json_string(address.url) +
                                                      ",\"ca\":" + events::to_json_string(address.ca) +
                                                      ",\"pid\":" + std::to_string(::getpid()) + "}\n");
}

void remove_node_file(const node_config& config) {
  std::error_code ignored;
  std::filesystem::remove(config.data / "node.json", ignored);
}

bool node_serves(const std::filesystem::path& data) {
  const auto text = read_line(data / "node.json");
  simdjson::dom::parser parser;
  std::int64_t pid = 0;
  if (!text || parser.parse(*text)["pid"].get(pid) != simdjson::SUCCESS || pid <= 0) return false;
  std::error_code gone;
  const auto its = std::filesystem::read_symlink("/proc/" + std::to_string(pid) + "/exe", gone);
  const auto ours = std::filesystem::read_symlink("/proc/self/exe", gone);
  return !gone && its.filename() == ours.filename();
}

result<node_address> find_node(const std::filesystem::path& data, node_address given) {
  if (!given.url.empty()) return given;
  const auto nobody = [&] {
    return fail(errc::not_found, "no node serves the data directory " + data.string() +
                                     ": start one with 'muster serve --data " + data.string() + "'");
  };
  const auto text = read_line(data / "node.json");
  if (!text) return nobody();
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  std::string_view url, ca;
  if (parser.parse(*text).get(document) != simdjson::SUCCESS || document["url"].get(url) != simdjson::SUCCESS ||
      document["ca"].get(ca) != simdjson::SUCCESS) {
    return fail(errc::corrupt, (data / "node.json").string() + " is not a node's file");
  }
  given.url = url;
  if (given.ca.empty()) given.ca = ca;
  if (!given.token.empty()) return given;
  auto token = read_line(data / "operator.token");
  if (!token)
    return fail(errc::denied, (data / "operator.token").string() + " cannot be read: only the node's owner may");
  given.token = std::move(*token);
  return given;
}

}  // namespace muster::connectors
