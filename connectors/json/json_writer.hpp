#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace muster::connectors {

/// Writes one compact JSON document. Members come in the order of the calls; nothing is checked but commas.
class json_writer {
public:
  void begin_object() { open('{'); }
  void begin_object(std::string_view name) { key(name), open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void begin_array(std::string_view name) { key(name), open('['); }
  void end_array() { close(']'); }

  void string(std::string_view name, std::string_view value) { key(name), string(value); }
  void number(std::string_view name, std::int64_t value) { key(name), number(value); }
  void boolean(std::string_view name, bool value) { key(name), raw(value ? "true" : "false"); }
  /// `json` is a JSON text, and stands as it is.
  void raw(std::string_view name, std::string_view json) { key(name), raw(json); }

  /// Values: items of an array, or what follows a `key`.
  void string(std::string_view value);
  void number(std::int64_t value);
  void raw(std::string_view json);
  void key(std::string_view name);

  std::string take() { return std::move(text_); }

private:
  void open(char bracket);
  void close(char bracket);
  void separate();
  void quote(std::string_view value);

  std::string text_;
  bool first_ = true;  ///< nothing stands before the next value in its object or array, or its name does
};

/// `text` if it is UTF-8, else with every byte beyond ASCII replaced: what strangers sent and we tell back or log.
std::string printable(std::string_view text);

}  // namespace muster::connectors
