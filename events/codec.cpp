#include "events/codec.hpp"

#include "events/bytes.hpp"
#include "events/describe.hpp"
#include "events/ordered_json.hpp"
#include "events/usage_event.hpp"
#include "events/utf8.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <simdjson.h>

namespace muster::events {

namespace {

namespace ondemand = simdjson::ondemand;
using json_out = rapidjson::Writer<rapidjson::StringBuffer>;

// ---- writing

// Some texts hold what a stranger sent: whatever bytes those are, the event must be read back, or it would stop its
// shard.
void write_text(json_out& out, std::string_view value) {
  std::string mended;
  const auto text = as_utf8(value, mended);
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

class json_writer {
public:
  explicit json_writer(json_out& out, const sealed_renderer* render = nullptr) : out_(out), render_(render) {}

  template <class T>
  void operator()(const char* name, const T& value) {
    if constexpr (std::same_as<T, sealed_text>) {
      if (const auto rendered = render_ != nullptr ? (*render_)(name, value) : std::nullopt) {
        out_.Key(name);
        out_.RawValue(rendered->data(), rendered->size(), rapidjson::kStringType);
        return;
      }
    }
    if constexpr (is_optional<T>::value) {
      if (value) (*this)(name, *value);
    } else if constexpr (is_vector<T>::value) {
      if (value.empty()) return;
      out_.Key(name);
      out_.StartArray();
      for (const auto& each : value) write(each);
      out_.EndArray();
    } else {
      out_.Key(name);
      write(value);
    }
  }

  template <class T>
  void write(const T& value) {
    if constexpr (std::same_as<T, bool>)
      out_.Bool(value);
    else if constexpr (named_enum<T>)
      text(name_of(value));
    else if constexpr (std::signed_integral<T>)
      out_.Int64(value);
    else if constexpr (std::unsigned_integral<T>)
      out_.Uint64(value);
    else if constexpr (is_counter<T>::value)
      out_.Uint64(value.value());
    else if constexpr (std::same_as<T, timestamp>)
      text(to_iso8601(value));
    else if constexpr (is_random_id<T>::value)
      text(to_hex(value.view()));
    else if constexpr (is_checked_text<T>::value)
      text(value.text());
    else if constexpr (std::same_as<T, std::string>)
      text(value);
    else if constexpr (std::same_as<T, json_text>)
      out_.RawValue(value.text.data(), value.text.size(), rapidjson::kObjectType);
    else if constexpr (std::same_as<T, sealed_text>)
      text(to_base64(std::string(value.key.view()) + value.box));
    else {
      static_assert(described<const T>);
      out_.StartObject();
      T::describe(value, *this);
      out_.EndObject();
    }
  }

private:
  void text(std::string_view value) { write_text(out_, value); }

  json_out& out_;
  const sealed_renderer* render_;
};

std::string write_event(const event& e, const sealed_renderer* render) {
  thread_local rapidjson::StringBuffer buffer;
  thread_local json_out out(buffer);
  buffer.Clear();
  out.Reset(buffer);
  json_writer writer(out, render);
  std::visit([&](const auto& each) { writer.write(each); }, e);
  return {buffer.GetString(), buffer.GetSize()};
}

// ---- reading

struct bad_member {
  std::string text;
};

class json_reader {
public:
  explicit json_reader(ondemand::object object) : object_(object) {}

  template <class T>
  void operator()(const char* name, T& value) {
    if (!error_.empty()) return;
    ondemand::value found;
    const auto code = object_.find_field_unordered(name).get(found);
    if (code == simdjson::NO_SUCH_FIELD) {
      if constexpr (is_optional<T>::value)
        value.reset();
      else if constexpr (is_vector<T>::value)
        value.clear();
      else
        error_ = std::string("member '") + name + "' is missing";
      return;
    }
    if (code != simdjson::SUCCESS || !read(found, value)) {
      error_ = std::string("member '") + name + "'" + (inner_.empty() ? " has an unexpected value" : ": " + inner_);
    }
  }

  const std::string& error() const { return error_; }

private:
  template <class T>
  bool read(ondemand::value& in, T& value) {
    if constexpr (std::same_as<T, bool>)
      return in.get_bool().get(value) == simdjson::SUCCESS;
    else if constexpr (named_enum<T>) {
      std::string_view text;
      if (in.get_string().get(text) != simdjson::SUCCESS) return false;
      const auto named = value_named<T>(text);
      if (named) value = *named;
      return named.has_value();
    } else if constexpr (std::integral<T>) {
      std::conditional_t<std::signed_integral<T>, std::int64_t, std::uint64_t> number = 0;
      if (in.get(number) != simdjson::SUCCESS || !std::in_range<T>(number)) return false;
      value = static_cast<T>(number);
      return true;
    } else if constexpr (is_counter<T>::value) {
      std::uint64_t number = 0;
      if (in.get_uint64().get(number) != simdjson::SUCCESS) return false;
      value = T(number);
      return true;
    } else if constexpr (is_optional<T>::value) {
      return read(in, value.emplace());
    } else if constexpr (is_vector<T>::value) {
      ondemand::array items;
      if (in.get_array().get(items) != simdjson::SUCCESS) return false;
      value.clear();
      for (auto item : items) {
        ondemand::value each;
        if (item.get(each) != simdjson::SUCCESS || !read(each, value.emplace_back())) return false;
      }
      return true;
    } else if constexpr (std::same_as<T, json_text>) {
      ondemand::object object;
      std::string_view raw;
      if (in.get_object().get(object) != simdjson::SUCCESS || object.raw_json().get(raw) != simdjson::SUCCESS)
        return false;
      value.text = raw;
      return true;
    } else if constexpr (described<T>) {
      ondemand::object object;
      if (in.get_object().get(object) != simdjson::SUCCESS) return false;
      json_reader members(object);
      T::describe(value, members);
      inner_ = members.error_;
      return inner_.empty();
    } else {
      std::string_view text;
      return in.get_string().get(text) == simdjson::SUCCESS && from_text(text, value);
    }
  }

  template <class T>
  static bool from_text(std::string_view text, T& value) {
    if constexpr (std::same_as<T, std::string>) {
      value = text;
      return true;
    } else if constexpr (std::same_as<T, timestamp>) {
      return assign(from_iso8601(text), value);
    } else if constexpr (is_checked_text<T>::value) {
      return assign(T::parse(text), value);
    } else if constexpr (is_random_id<T>::value) {
      return from_hex(text, value.bytes);
    } else {
      static_assert(std::same_as<T, sealed_text>);
      return read_sealed(text, value);
    }
  }

  template <class T>
  static bool assign(std::optional<T> parsed, T& value) {
    if (!parsed) return false;
    value = std::move(*parsed);
    return true;
  }

  ondemand::object object_;
  std::string error_;
  std::string inner_;
};

// The parser wants room behind the text; events are read by the million, so both live as long as their thread.
struct padded_parser {
  ondemand::parser parser;
  std::string buffer;
  simdjson::simdjson_result<ondemand::document> iterate(std::string_view json) {
    buffer.reserve(json.size() + simdjson::SIMDJSON_PADDING);
    buffer.assign(json);
    return parser.iterate(buffer.data(), buffer.size(), buffer.capacity());
  }
};

padded_parser& parser_of_this_thread() {
  thread_local padded_parser parser;
  return parser;
}

// Reads `json` into `out`, which holds the event type that the text is of.
template <class Event>
std::optional<codec_error> read_data(std::string_view json, Event& out) {
  if (ordered_json_reader(json).read_document(out)) return std::nullopt;
  auto& parser = parser_of_this_thread();
  ondemand::document document;
  ondemand::object object;
  auto parsed = parser.iterate(json);
  if (std::move(parsed).get(document) != simdjson::SUCCESS || document.get_object().get(object) != simdjson::SUCCESS) {
    return codec_error{std::string(Event::type) + ": the data is not a JSON object"};
  }
  json_reader members(object);
  out = Event{};
  Event::describe(out, members);
  if (members.error().empty()) return std::nullopt;
  return codec_error{std::string(Event::type) + ": " + members.error()};
}

// The event is read where it will stay: it is a kilobyte of texts, and moving it shows.
template <std::size_t I = 0>
std::optional<codec_error> read_event(std::string_view type, std::string_view json, event& out) {
  if constexpr (I == std::variant_size_v<event>) {
    return codec_error{"unknown event type '" + std::string(type) + "'"};
  } else {
    if (type != std::variant_alternative_t<I, event>::type) return read_event<I + 1>(type, json, out);
    return read_data(json, out.emplace<I>());
  }
}

}  // namespace

bool is_personal(std::string_view member) {
  return member == "sourceAddress" || member == "payload";
}

std::string to_json(const event& e) {
  return write_event(e, nullptr);
}

std::string to_json(const event& e, const sealed_renderer& render) {
  return write_event(e, &render);
}

std::string to_json_string(std::string_view text) {
  rapidjson::StringBuffer buffer;
  json_out out(buffer);
  write_text(out, text);
  return {buffer.GetString(), buffer.GetSize()};
}

std::optional<codec_error> read_json(std::string_view type, std::string_view json, event& out) {
  return read_event(type, json, out);
}

std::expected<event, codec_error> from_json(std::string_view type, std::string_view json) {
  std::expected<event, codec_error> read;
  if (auto error = read_event(type, json, *read)) read = std::unexpected(std::move(*error));
  return read;
}

const std::vector<std::string_view>& event_types() {
  static const auto types = []<std::size_t... I>(std::index_sequence<I...>) {
    return std::vector<std::string_view>{std::variant_alternative_t<I, event>::type...};
  }(std::make_index_sequence<std::variant_size_v<event>>());
  return types;
}

std::string to_json(const usage_reported& e) {
  rapidjson::StringBuffer buffer;
  json_out out(buffer);
  json_writer(out, nullptr).write(e);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace muster::events
