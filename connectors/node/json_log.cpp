#include "connectors/node/json_log.hpp"

#include "connectors/node/line_writer.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <simdjson.h>

namespace muster::connectors {

namespace {

using json_out = rapidjson::Writer<rapidjson::StringBuffer>;

constexpr std::size_t queued_bytes_max = std::size_t{4} * 1024 * 1024;

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

// Calls `use(line)`. The buffer is kept for the thread's next line.
template <class Use>
void with_line(engine::log_level level, std::string_view what, std::initializer_list<engine::log::field> fields,
               const engine::clock& clock, const Use& use) {
  thread_local rapidjson::StringBuffer line;
  thread_local json_out out;
  line.Clear();
  out.Reset(line);
  out.StartObject();
  out.Key("time");
  put(out, events::to_iso8601(clock.now()));
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
  use(std::string_view(line.GetString(), line.GetSize()));
}

engine::result<int> open_file(const std::filesystem::path& path) {
  const int descriptor = ::open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0640);
  if (descriptor >= 0) return descriptor;
  return engine::fail(engine::errc::unavailable,
                      "log.file: " + path.string() + " cannot be opened: " + std::strerror(errno));
}

class written_log final : public json_log {
public:
  written_log(int descriptor, std::filesystem::path file, engine::log_level least, const engine::clock& clock)
      : file_(std::move(file)), least_(least), clock_(clock),
        lines_(descriptor, queued_bytes_max, [&clock](std::uint64_t count) { return report(count, clock); }) {}

  void write(engine::log_level level, std::string_view what, std::initializer_list<field> fields) override {
    if (level < least_) return;
    try {
      with_line(level, what, fields, clock_,
                [&](std::string_view line) { lines_.put(line, level >= engine::log_level::warning); });
    } catch (...) {
      // Out of memory: what is being logged matters more than this line.
    }
  }

  engine::result<void> reopen() override {
    if (file_.empty()) return {};
    const auto opened = open_file(file_);
    if (!opened) return std::unexpected(opened.error());
    lines_.move_to(*opened);
    return {};
  }

  std::uint64_t dropped() const override { return lines_.dropped(); }
  void write_before_sudden_ends() override { lines_.write_before_sudden_ends(); }

private:
  static std::string report(std::uint64_t count, const engine::clock& clock) {
    std::string text;
    with_line(engine::log_level::warning, "log lines were dropped", {{"count", std::to_string(count)}}, clock,
              [&](std::string_view line) { text = line; });
    return text;
  }

  const std::filesystem::path file_;
  const engine::log_level least_;
  const engine::clock& clock_;
  line_writer lines_;
};

}  // namespace

std::unique_ptr<json_log> json_log::on(int descriptor, engine::log_level least, const engine::clock& clock) {
  return std::make_unique<written_log>(descriptor, std::filesystem::path(), least, clock);
}

engine::result<std::unique_ptr<json_log>> json_log::to_file(std::filesystem::path path, engine::log_level least,
                                                            const engine::clock& clock) {
  auto log = std::make_unique<written_log>(-1, std::move(path), least, clock);
  if (auto opened = log->reopen(); !opened) return std::unexpected(opened.error());
  return log;
}

}  // namespace muster::connectors
