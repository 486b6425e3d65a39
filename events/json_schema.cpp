#include "events/codec.hpp"
#include "events/describe.hpp"
#include "events/schemas.hpp"
#include "events/usage_event.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace muster::events {

namespace {

using json_out = rapidjson::Writer<rapidjson::StringBuffer>;

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

void member(json_out& out, const char* name, const std::string& text) {
  out.Key(name);
  out.String(text.c_str());
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

}  // namespace

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
