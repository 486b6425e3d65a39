#include "connectors/cli/event_stream.hpp"

#include <algorithm>

namespace muster::connectors {

namespace {

constexpr std::size_t line_bytes_max = 16U << 20U;

}  // namespace

bool event_stream_reader::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto end = bytes.find('\n');
    line_.append(bytes.substr(0, end));
    if (line_.size() > line_bytes_max) return false;
    if (end == std::string_view::npos) return true;
    bytes.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    take_line(line_);
    line_.clear();
  }
  return true;
}

void event_stream_reader::restart() {
  line_.clear();
  data_.clear();
  id_ = last_id_;
}

void event_stream_reader::take_line(std::string_view line) {
  if (line.empty()) {
    // Only now: an event that was cut off is asked for again.
    last_id_ = id_;
    if (!data_.empty()) on_event_(data_);
    data_.clear();
    return;
  }
  const auto name = line.substr(0, line.find(':'));
  auto value = line.substr(std::min(line.size(), name.size() + 1));
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (name == "id")
    id_ = value;
  else if (name == "data")
    data_.append(data_.empty() ? "" : "\n").append(value);
}

}  // namespace muster::connectors
