#include "connectors/cli/session.hpp"

#include "connectors/node/node_directory.hpp"
#include "events/bytes.hpp"
#include "events/codec.hpp"

#include <boost/program_options/variables_map.hpp>

#include <algorithm>
#include <charconv>
#include <iostream>
#include <simdjson.h>

namespace muster::connectors {

namespace dom = simdjson::dom;

void fail_command(std::string message, int exit_code) {
  throw command_failure{exit_code, std::move(message)};
}

bool session::has(const char* option) const {
  return given_.count(option) != 0;
}

std::string session::text(const char* option) const {
  return has(option) ? given_[option].as<std::string>() : std::string();
}

std::vector<std::string> session::texts(const char* option) const {
  return has(option) ? given_[option].as<std::vector<std::string>>() : std::vector<std::string>();
}

std::string session::data() const {
  if (has("data")) return text("data");
  return env_.data.empty() ? "muster-data" : env_.data;
}

std::string session::number(const char* option, std::uint64_t least) const {
  const auto given = text(option);
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
  if (error != std::errc{} || end != given.data() + given.size() || value < least) {
    fail_command(std::string("--") + option + ": expected a whole number from " + std::to_string(least) + " on, not '" +
                     given + "'",
                 2);
  }
  return given;
}

std::string session::names(const char* option) const {
  const auto given = text(option);
  if (given.find_first_not_of(", ") == std::string::npos)
    fail_command(std::string("--") + option + ": expected names separated by commas, not '" + given + "'", 2);
  return given;
}

std::string session::key(const char* option) const {
  auto key = events::from_base64(text(option));
  if (!key || key->empty()) fail_command(std::string("--") + option + ": expected a key in base64", 2);
  return std::move(*key);
}

https_client& session::client() {
  if (client_) return *client_;
  if (auto found = find_node(); !found) fail_command(found.error().text);
  return *client_;
}

engine::result<void> session::find_node() {
  // What is given here prevails: MUSTER_URL, and the CA and token that belong to it, name another node than --data
  // does.
  const bool elsewhere = has("data") && !has("url") && !env_.url.empty();
  const auto of = [&](const char* option, const std::string& variable) {
    return has(option) ? text(option) : elsewhere ? std::string() : variable;
  };
  const auto address = connectors::find_node(data(), {of("url", env_.url), of("ca", env_.ca), of("token", env_.token)});
  if (!address) return engine::fail(address.error().code, address.error().text + ", or name it with --url and --token");
  token_ = address->token;
  client_.emplace(address->url, address->ca);
  return {};
}

client_response session::send(const std::string& method, const std::string& path,
                              const std::vector<std::pair<std::string, std::string>>& headers,
                              const std::string& body) {
  auto response = client().send(method, path, headers, body);
  if (!response) fail_command(response.error().text);
  return std::move(*response);
}

engine::result<client_response> session::follow(const std::string& path, const std::string& last_id,
                                                const std::function<bool(std::string_view)>& take) {
  // A node that was restarted may be somewhere else; its file then says where, once it serves.
  client_.reset();
  if (auto found = find_node(); !found) return std::unexpected(found.error());
  std::vector<std::pair<std::string, std::string>> headers{{"Authorization", "Bearer " + token_},
                                                           {"Accept", "text/event-stream"}};
  if (!last_id.empty()) headers.emplace_back("Last-Event-ID", last_id);
  return client_->follow(path, headers, take);
}

client_response session::call(const std::string& method, const std::string& path, const std::string& body,
                              std::vector<std::pair<std::string, std::string>> headers) {
  auto& to = client();
  headers.emplace_back("Authorization", "Bearer " + token_);
  if (!body.empty()) headers.emplace_back("Content-Type", "application/json; charset=utf-8");
  auto response = to.send(method, path, headers, body);
  if (!response) fail_command(response.error().text);
  if (response->status >= 300) {
    const auto message = member_of(response->body, "message");
    fail_command((message.empty() ? response->body : message) + " (" + std::to_string(response->status) + ")");
  }
  return std::move(*response);
}

namespace {

std::string plain(const dom::element& value) {
  std::string_view text;
  if (value.get(text) == simdjson::SUCCESS) return std::string(text);
  return simdjson::minify(value);
}

void print_members(const dom::object& object, const std::string& prefix,
                   std::vector<std::pair<std::string, std::string>>& lines) {
  for (const auto& [key, value] : object) {
    dom::object inner;
    const auto name = prefix + std::string(key);
    if (value.get(inner) == simdjson::SUCCESS && inner.size() != 0)
      print_members(inner, name + ".", lines);
    else
      lines.emplace_back(name, plain(value));
  }
}

}  // namespace

int show(const session& s, const std::string& json) {
  if (s.json())
    std::cout << json << '\n';
  else
    print_object(json);
  return 0;
}

int show_deleted(const session& s, const std::string& member, const std::string& name) {
  if (s.json())
    std::cout << "{" << events::to_json_string(member) << ":" << events::to_json_string(name) << ",\"deleted\":true}\n";
  return 0;
}

std::string with_members(std::string_view json, const std::vector<std::pair<std::string, std::string>>& members) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS)
    fail_command("the node's answer is not a JSON object");
  std::string out;
  const auto add = [&](std::string_view name, const std::string& value) {
    out.append(out.empty() ? "{" : ",").append(events::to_json_string(name)).append(":").append(value);
  };
  for (const auto& [name, value] : object) {
    if (std::ranges::find(members, name, [](const auto& each) { return std::string_view(each.first); }) ==
        members.end()) {
      add(name, simdjson::minify(value));
    }
  }
  for (const auto& [name, value] : members) add(name, value);
  return out.empty() ? "{}" : out + "}";
}

void print_object(std::string_view json) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(json.data(), json.size()).get(object) != simdjson::SUCCESS) {
    std::cout << json << '\n';
    return;
  }
  std::vector<std::pair<std::string, std::string>> lines;
  print_members(object, {}, lines);
  std::size_t width = 0;
  for (const auto& [name, value] : lines) width = std::max(width, name.size());
  for (const auto& [name, value] : lines)
    std::cout << name << std::string(width + 2 - name.size(), ' ') << value << '\n';
}

std::vector<std::string> items_of(std::string_view json, const std::string& list) {
  dom::parser parser;
  dom::element document;
  dom::array array;
  std::vector<std::string> items;
  if (parser.parse(json.data(), json.size()).get(document) != simdjson::SUCCESS) return items;
  if (list.empty() ? document.get(array) != simdjson::SUCCESS : document[list].get(array) != simdjson::SUCCESS)
    return items;
  for (const auto& each : array) items.push_back(simdjson::minify(each));
  return items;
}

std::string member_of(std::string_view json, const std::string& path) {
  dom::parser parser;
  dom::element value;
  if (parser.parse(json.data(), json.size()).get(value) != simdjson::SUCCESS) return {};
  std::string_view rest = path;
  while (!rest.empty()) {
    const auto name = rest.substr(0, rest.find('.'));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    dom::element inner;
    if (value[name].get(inner) != simdjson::SUCCESS) return {};
    value = inner;
  }
  return plain(value);
}

std::optional<std::string> compact_object(const std::string& text) {
  dom::parser parser;
  dom::object object;
  if (parser.parse(text).get(object) != simdjson::SUCCESS) return std::nullopt;
  std::string compact(text.size(), '\0');
  std::size_t size = 0;
  if (simdjson::minify(text.data(), text.size(), compact.data(), size) != simdjson::SUCCESS) return std::nullopt;
  compact.resize(size);
  return compact;
}

void print_table(const std::vector<std::string>& items, const std::vector<std::string>& columns) {
  std::vector<std::vector<std::string>> rows;
  auto& head = rows.emplace_back();
  for (const auto& column : columns) {
    auto title = column.substr(column.rfind('.') + 1);
    std::ranges::transform(title, title.begin(),
                           [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    head.push_back(title);
  }
  for (const auto& item : items) {
    auto& row = rows.emplace_back();
    for (const auto& column : columns) row.push_back(member_of(item, column));
  }
  std::vector<std::size_t> widths(columns.size());
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::cout << row[i] << (i + 1 == row.size() ? std::string() : std::string(widths[i] + 2 - row[i].size(), ' '));
    }
    std::cout << '\n';
  }
}

}  // namespace muster::connectors
