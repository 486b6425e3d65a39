#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace muster::connectors {

/// Reads server-sent events (WHATWG HTML, section 9.2.6) as their bytes come.
class event_stream_reader {
public:
  explicit event_stream_reader(std::function<void(const std::string& data)> on_event)
      : on_event_(std::move(on_event)) {}

  /// False if a line is too long to be one.
  bool put(std::string_view bytes);
  /// Forgets what was begun: a connection has ended.
  void restart();
  /// Where to go on: the id that came last, also with an event without data.
  const std::string& last_id() const { return last_id_; }

private:
  void take_line(std::string_view line);

  std::function<void(const std::string& data)> on_event_;
  std::string line_;
  std::string data_;
  std::string id_;
  std::string last_id_;
};

}  // namespace muster::connectors
