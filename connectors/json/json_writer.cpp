#include "connectors/json/json_writer.hpp"

#include "events/codec.hpp"

#include <algorithm>
#include <simdjson.h>

namespace muster::connectors {

void json_writer::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

void json_writer::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
}

void json_writer::close(char bracket) {
  text_ += bracket;
  first_ = false;
}

void json_writer::key(std::string_view name) {
  separate();
  quote(name);
  text_ += ':';
  first_ = true;
}

void json_writer::string(std::string_view value) {
  separate();
  quote(value);
}

void json_writer::number(std::int64_t value) {
  separate();
  text_ += std::to_string(value);
}

void json_writer::raw(std::string_view json) {
  separate();
  text_ += json;
}

void json_writer::quote(std::string_view value) {
  const auto plain = [](char c) { return c >= ' ' && c <= '~' && c != '"' && c != '\\'; };
  if (std::ranges::all_of(value, plain))
    text_.append(1, '"').append(value).append(1, '"');
  else
    text_ += events::to_json_string(printable(value));
}

std::string printable(std::string_view text) {
  std::string shown(text);
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    std::ranges::replace_if(shown, [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  }
  return shown;
}

}  // namespace muster::connectors
