#include "connectors/json/json_body.hpp"

#include "connectors/json/json_writer.hpp"
#include "engine/limits.hpp"
#include "events/utf8.hpp"

#include <algorithm>
#include <charconv>
#include <simdjson.h>

namespace muster::connectors {

namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::size_t depth_max = 32;

// The parser wants room behind the text; registrations are read by the million, so both live as long as their thread.
struct padded_parser {
  ondemand::parser parser;
  std::string buffer;
};

// Walks the whole document, since the parser checks only what is looked at.
class tree_builder {
public:
  bool read_object(ondemand::object object, json_value& out) {
    out.what = json_value::kind::object;
    for (auto each : object) {
      ondemand::field field;
      std::string_view name;
      ondemand::value value;
      if (const auto code = std::move(each).get(field)) return malformed(code);
      if (const auto code = field.unescaped_key().get(name)) return malformed(code);
      auto& member = out.members.emplace_back(std::string(name), json_value());
      const auto length = path_.size();
      path_.append(path_.empty() ? "" : ".").append(member.first);
      if (!read_value(field.value(), member.second)) return false;
      path_.resize(length);
    }
    return names_differ(out);
  }

  const std::string& error() const { return error_; }
  bool malformed(simdjson::error_code code) {
    // The parser only sees that the last character does not close the first.
    const bool open = code == simdjson::INCOMPLETE_ARRAY_OR_OBJECT;
    const std::string what =
        open ? "an object or array is not closed, or something follows the end" : simdjson::error_message(code);
    return fail("malformed JSON (" + what + ")");
  }

private:
  // Sorted, so that a body of ten thousand members costs no more than its size.
  bool names_differ(const json_value& object) {
    std::vector<std::string_view> names;
    names.reserve(object.members.size());
    for (const auto& [name, value] : object.members) names.push_back(name);
    std::ranges::sort(names);
    const auto twice = std::ranges::adjacent_find(names);
    return twice == names.end() ||
           fail("the member '" + std::string(twice->substr(0, 140)) + "' comes twice; each name may come once");
  }

  bool read_array(ondemand::array array, json_value& out) {
    out.what = json_value::kind::array;
    for (auto each : array) {
      ondemand::value value;
      if (const auto code = std::move(each).get(value)) return malformed(code);
      const auto length = path_.size();
      path_.append("[").append(std::to_string(out.items.size())).append("]");
      if (!read_value(value, out.items.emplace_back())) return false;
      path_.resize(length);
    }
    return true;
  }

  bool read_value(ondemand::value value, json_value& out) {
    ondemand::json_type type{};
    if (const auto code = value.type().get(type)) return malformed(code);
    const bool nests = type == ondemand::json_type::object || type == ondemand::json_type::array;
    if (nests && depth_ == depth_max)
      return fail("nested too deeply; at most " + std::to_string(depth_max) + " levels are taken");
    depth_ += nests ? 1 : 0;
    const bool ok = read_typed(value, type, out);
    depth_ -= nests ? 1 : 0;
    return ok;
  }

  bool read_typed(ondemand::value value, ondemand::json_type type, json_value& out) {
    if (type == ondemand::json_type::object) {
      ondemand::object object;
      if (const auto code = value.get_object().get(object)) return malformed(code);
      return read_object(object, out);
    }
    if (type == ondemand::json_type::array) {
      ondemand::array array;
      if (const auto code = value.get_array().get(array)) return malformed(code);
      return read_array(array, out);
    }
    if (type == ondemand::json_type::string) {
      std::string_view text;
      if (const auto code = value.get_string().get(text)) return malformed(code);
      out.what = json_value::kind::string;
      out.text = text;
      return true;
    }
    return read_token(value, type, out);
  }

  // A number, true, false or null: kept as written.
  bool read_token(ondemand::value value, ondemand::json_type type, json_value& out) {
    auto token = value.raw_json_token();
    token = token.substr(0, token.find_last_not_of(" \t\r\n") + 1);
    out.text = token;
    if (type == ondemand::json_type::number) {
      ondemand::number number;
      if (const auto code = value.get_number().get(number)) return malformed(code);
      out.what = json_value::kind::number;
    } else if (token == "true" || token == "false") {
      out.what = json_value::kind::boolean;
    } else if (token != "null") {
      return fail("malformed JSON ('" + std::string(token.substr(0, 40)) + "' is no value)");
    }
    return true;
  }

  bool fail(std::string what) {
    if (error_.empty())
      error_ =
          path_.empty() ? "The body: " + std::move(what) + "." : path_.substr(0, 200) + ": " + std::move(what) + ".";
    return false;
  }

  std::size_t depth_ = 1;
  std::string path_;
  std::string error_;
};

// Where UTF-8 ends in a text that is not all UTF-8.
std::size_t first_bad_byte(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const auto length = events::utf8_sequence(text.substr(at));
    if (length == 0) break;
    at += length;
  }
  return at;
}

void write(json_writer& out, const json_value& value) {
  switch (value.what) {
  case json_value::kind::string:
    return out.string(value.text);
  case json_value::kind::array:
    out.begin_array();
    for (const auto& item : value.items) write(out, item);
    return out.end_array();
  case json_value::kind::object:
    out.begin_object();
    for (const auto& [name, member] : value.members) {
      out.key(name);
      write(out, member);
    }
    return out.end_object();
  default:
    return out.raw(value.text);
  }
}

}  // namespace

const json_value* json_value::find(std::string_view name) const {
  const auto at = std::ranges::find(members, name, [](const auto& member) { return std::string_view(member.first); });
  return at == members.end() ? nullptr : &at->second;
}

std::string json_value::to_text() const {
  json_writer out;
  write(out, *this);
  return out.take();
}

std::expected<json_value, std::string> read_json_object(std::string_view body) {
  if (body.size() > engine::limits::request_body_bytes_max) {
    return std::unexpected("The body has " + std::to_string(body.size()) + " bytes; at most " +
                           std::to_string(engine::limits::request_body_bytes_max) + " are taken.");
  }
  thread_local padded_parser reader;
  reader.buffer.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  reader.buffer.assign(body);
  tree_builder builder;
  ondemand::document document;
  ondemand::object object;
  const auto code =
      reader.parser.iterate(reader.buffer.data(), reader.buffer.size(), reader.buffer.capacity()).get(document);
  if (code == simdjson::UTF8_ERROR) {
    return std::unexpected("The body is not UTF-8: byte " + std::to_string(first_bad_byte(body)) +
                           " (counted from 0) does not belong there.");
  }
  json_value root;
  if (code) {
    builder.malformed(code);
    return std::unexpected(builder.error());
  }
  ondemand::json_type type{};
  if (document.type().get(type) != simdjson::SUCCESS || type != ondemand::json_type::object) {
    return std::unexpected("The body: expected a JSON object.");
  }
  if (const auto failed = document.get_object().get(object))
    builder.malformed(failed);
  else if (builder.read_object(object, root) && !document.current_location().error()) {
    return std::unexpected("The body: something follows the JSON object.");
  }
  if (!builder.error().empty()) return std::unexpected(builder.error());
  return root;
}

}  // namespace muster::connectors
