#include "events/codec.hpp"

#include "events/bytes.hpp"
#include "events/describe.hpp"
#include "events/ordered_json.hpp"
#include "events/schema_name.hpp"
#include "events/usage_event.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <simdjson.h>

namespace muster::events {

namespace {

namespace ondemand = simdjson::ondemand;
using json_out = rapidjson::Writer<rapidjson::StringBuffer>;

// ---- writing

// The length of the UTF-8 sequence at the start of `text`; 0 if there is none (RFC 3629 section 4).
std::size_t utf8_length(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  const std::size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  return text.size() >= length && simdjson::validate_utf8(text.substr(0, length)) ? length : 0;
}

// Some texts hold what a stranger sent: whatever bytes those are, the event must be read back, or it would stop its
// shard.
void write_text(json_out& out, std::string_view value) {
  if (simdjson::validate_utf8(value)) {
    out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
    return;
  }
  std::string mended;
  while (!value.empty()) {
    const auto length = utf8_length(value);
    mended += length == 0 ? std::string_view("\xef\xbf\xbd") : value.substr(0, length);  // U+FFFD
    value.remove_prefix(std::max<std::size_t>(length, 1));
  }
  out.String(mended.data(), static_cast<rapidjson::SizeType>(mended.size()));
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

namespace {

// ---- schema

class schema_writer {
public:
  explicit schema_writer(json_out& out) : out_(out) {}

  template <class T>
  void operator()(const char* name, T&) {
    if constexpr (!is_optional<T>::value && !is_vector<T>::value) required_.emplace_back(name);
    out_.Key(name);
    if constexpr (std::same_as<T, std::optional<sealed_text>>) {
      if (is_personal(name)) return personal(name);
    }
    type<T>();
  }

  template <class T>
  void type() {
    if constexpr (is_optional<T>::value)
      type<typename T::value_type>();
    else {
      out_.StartObject();
      describe_type<T>();
      out_.EndObject();
    }
  }

private:
  // Personal fields come sealed or, to who may read them, opened; null once their key is gone.
  void personal(std::string_view name) {
    out_.StartObject();
    out_.Key("type");
    out_.StartArray();
    out_.String("string");
    if (name == "payload") out_.String("object");
    out_.String("null");
    out_.EndArray();
    member("description", "personal: sealed (base64 of data key id (16 bytes), nonce (12), AES-256-GCM ciphertext, "
                          "tag (16)); opened over HTTP for who may read it; null once it was erased");
    out_.EndObject();
  }

  template <class T>
  void describe_type() {
    if constexpr (std::same_as<T, bool>)
      member("type", "boolean");
    else if constexpr (named_enum<T>) {
      member("type", "string");
      out_.Key("enum");
      out_.StartArray();
      for (const auto name : enum_names<T>) out_.String(name.data(), static_cast<rapidjson::SizeType>(name.size()));
      out_.EndArray();
    } else if constexpr (std::integral<T> || is_counter<T>::value)
      member("type", "integer");
    else if constexpr (std::same_as<T, timestamp>) {
      member("type", "string");
      member("format", "date-time");
    } else if constexpr (is_random_id<T>::value) {
      member("type", "string");
      member("pattern", "^[0-9a-f]{32}$");
    } else if constexpr (is_checked_text<T>::value) {
      member("type", "string");
      member("description", std::string(T::what()) + ": " + std::string(T::rule()));
    } else if constexpr (std::same_as<T, sealed_text>) {
      member("type", "string");
      member("contentEncoding", "base64");
      member("description", "sealed: data key id (16 bytes), nonce (12), AES-256-GCM ciphertext, tag (16)");
    } else if constexpr (std::same_as<T, json_text>)
      member("type", "object");
    else if constexpr (std::same_as<T, std::string>)
      member("type", "string");
    else if constexpr (is_vector<T>::value) {
      member("type", "array");
      out_.Key("items");
      type<typename T::value_type>();
    } else {
      static_assert(described<T>);
      object<T>();
    }
  }

public:
  template <class T>
  void object() {
    member("type", "object");
    out_.Key("properties");
    out_.StartObject();
    schema_writer members(out_);
    T value;
    T::describe(value, members);
    out_.EndObject();
    out_.Key("required");
    out_.StartArray();
    for (const auto& name : members.required_) out_.String(name.c_str());
    out_.EndArray();
  }

private:
  void member(const char* name, const std::string& text) {
    out_.Key(name);
    out_.String(text.c_str());
  }

  json_out& out_;
  std::vector<std::string> required_;
};

void member(json_out& out, const char* name, std::string_view value) {
  out.Key(name);
  write_text(out, value);
}

template <class Event>
void write_schema(json_out& out) {
  out.StartObject();
  member(out, "$id", schema_name(Event::type));
  schema_writer(out).object<Event>();
  out.EndObject();
}

template <std::size_t I = 0>
void write_schemas(json_out& out) {
  if constexpr (I < std::variant_size_v<event>) {
    using each = std::variant_alternative_t<I, event>;
    out.Key(each::type.data());
    write_schema<each>(out);
    write_schemas<I + 1>(out);
  }
}

std::string write_event(const event& e, const sealed_renderer* render) {
  thread_local rapidjson::StringBuffer buffer;
  thread_local json_out out(buffer);
  buffer.Clear();
  out.Reset(buffer);
  json_writer writer(out, render);
  std::visit([&](const auto& each) { writer.write(each); }, e);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

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

std::string to_cloud_event(const envelope& meta, shard_id shard, std::string_view data) {
  rapidjson::StringBuffer buffer;
  json_out out(buffer);
  out.StartObject();
  member(out, "specversion", "1.0");
  member(out, "id", std::to_string(shard.value()) + "-" + std::to_string(meta.sequence.value()));
  member(out, "type", meta.type);
  member(out, "source", "/services/" + std::string(meta.stream.scope()));
  member(out, "subject", meta.stream.subject());
  member(out, "time", to_iso8601(meta.time));
  member(out, "datacontenttype", "application/json");
  member(out, "dataschema", schema_name(meta.type));
  member(out, "sequence", std::to_string(meta.sequence.value()));
  member(out, "streamversion", std::to_string(meta.version.value()));
  member(out, "by", meta.by);
  member(out, "correlationid", meta.correlation_id);
  out.Key("operation");
  out.Bool(meta.operation);
  out.Key("data");
  out.RawValue(data.data(), data.size(), rapidjson::kObjectType);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
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

std::string id_of(const usage_reported& e, shard_id shard) {
  return std::to_string(shard.value()) + "-" + std::to_string(e.sequence.value()) + "-" + to_hour_text(hour_of(e.from));
}

std::string to_cloud_event(const usage_reported& e, const id_scope& scope, shard_id shard) {
  rapidjson::StringBuffer buffer;
  json_out out(buffer);
  out.StartObject();
  member(out, "specversion", "1.0");
  member(out, "id", id_of(e, shard));
  member(out, "type", usage_reported::type);
  member(out, "source", "/services/" + scope.text());
  member(out, "subject", "usage");
  member(out, "time", to_iso8601(e.to));
  member(out, "datacontenttype", "application/json");
  member(out, "dataschema", schema_name(usage_reported::type));
  member(out, "sequence", std::to_string(e.sequence.value()));
  member(out, "by", "muster");
  out.Key("operation");
  out.Bool(false);
  const auto data = to_json(e);
  out.Key("data");
  out.RawValue(data.data(), data.size(), rapidjson::kObjectType);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string json_schema() {
  rapidjson::StringBuffer buffer;
  json_out out(buffer);
  out.StartObject();
  member(out, "$schema", "https://json-schema.org/draft/2020-12/schema");
  member(out, "title", "Muster events: the data of each event type");
  out.Key("$defs");
  out.StartObject();
  write_schemas(out);
  out.Key(usage_reported::type.data());
  write_schema<usage_reported>(out);
  out.EndObject();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace muster::events
