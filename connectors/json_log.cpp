#include "connectors/json_log.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cerrno>
#include <mutex>
#include <simdjson.h>
#include <unistd.h>

namespace muster::connectors {

namespace {

using json_out = rapidjson::Writer<rapidjson::StringBuffer>;

std::string_view name_of(engine::log_level level) {
  switch (level) {
  case engine::log_level::debug:
    return "debug";
  case engine::log_level::info:
    return "info";
  case engine::log_level::warning:
    return "warning";
  case engine::log_level::error:
    return "error";
  }
  return "error";
}

void put(json_out& out, std::string_view text) {
  if (simdjson::validate_utf8(text.data(), text.size())) {
    out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
    return;
  }
  // One bad byte must not make the line unreadable for every tool behind.
  std::string replaced;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80)
      replaced += c;
    else
      replaced += "\xef\xbf\xbd";  // U+FFFD
  }
  out.String(replaced.data(), static_cast<rapidjson::SizeType>(replaced.size()));
}

class json_log final : public engine::log {
public:
  json_log(int descriptor, engine::log_level least, const engine::clock& clock)
      : descriptor_(descriptor), least_(least), clock_(clock) {}

  void write(engine::log_level level, std::string_view what, std::initializer_list<field> fields) override {
    if (level < least_) return;
    try {
      rapidjson::StringBuffer line;
      json_out out(line);
      out.StartObject();
      out.Key("time");
      put(out, events::to_iso8601(clock_.now()));
      out.Key("level");
      put(out, name_of(level));
      out.Key("message");
      put(out, what);
      for (const auto& [name, value] : fields) {
        put(out, name);
        put(out, value);
      }
      out.EndObject();
      line.Put('\n');
      write_line({line.GetString(), line.GetSize()});
    } catch (...) {
      // Out of memory: what is being logged matters more than this line.
    }
  }

private:
  void write_line(std::string_view line) {
    const std::lock_guard lock(mutex_);
    while (!line.empty()) {
      const auto written = ::write(descriptor_, line.data(), line.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) return;
      line.remove_prefix(static_cast<std::size_t>(written));
    }
  }

  const int descriptor_;
  const engine::log_level least_;
  const engine::clock& clock_;
  std::mutex mutex_;
};

}  // namespace

std::unique_ptr<engine::log> make_json_log(int descriptor, engine::log_level least, const engine::clock& clock) {
  return std::make_unique<json_log>(descriptor, least, clock);
}

}  // namespace muster::connectors
