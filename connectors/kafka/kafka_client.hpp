#pragma once

#include "engine/error.hpp"
#include "engine/ports/log.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

// librdkafka's own names, so that its header stays in the sources.
struct rd_kafka_s;
struct rd_kafka_conf_s;

namespace muster::connectors {

/// How messages name a partition.
inline std::string partition_text(const std::string& topic, std::uint64_t partition) {
  return "the topic " + topic + ", partition " + std::to_string(partition);
}

/// Settings of librdkafka, by its own names.
using kafka_settings = std::map<std::string, std::string, std::less<>>;

/// A token for SASL/OAUTHBEARER.
struct kafka_oauth_token {
  std::string value;
  std::chrono::milliseconds expires{};  ///< since the Unix epoch
  std::string principal;
};

/// Where the brokers are and how to talk to them.
struct kafka_connection {
  std::string section = "kafka";  ///< of the configuration, where the operator set all this; for messages
  std::string bootstrap;          ///< `host:port`, several separated by commas
  kafka_settings settings;        ///< of the operator: they come after our defaults and before what we must insist on
  /// Gets a new token, for `sasl.mechanism=OAUTHBEARER`. Called from a thread of the client's; may block.
  std::function<engine::result<kafka_oauth_token>()> oauth_token;
  engine::log* log = nullptr;  ///< where clients complain; must outlive them
};

enum class kafka_role { producer, consumer };

/// One client of librdkafka: its handle, and what it last complained of. Its complaints go to the log.
class kafka_client {
public:
  /// `insisted`: settings that nobody may change. `configure` may add callbacks to the configuration; their opaque
  /// pointer is this object. `invalid` names the setting that librdkafka does not take, with its own words. Connects in
  /// the background: brokers that are away are no error.
  static engine::result<std::unique_ptr<kafka_client>> make(kafka_role role, const kafka_connection& connection,
                                                            const kafka_settings& insisted,
                                                            const std::function<void(rd_kafka_conf_s*)>& configure);
  /// Ends the client. Everything borrowed from it must have been given back: else librdkafka waits for ever.
  ~kafka_client();
  kafka_client(const kafka_client&) = delete;
  kafka_client& operator=(const kafka_client&) = delete;

  rd_kafka_s* handle() const { return handle_; }

  /// Runs callbacks that are due, waiting up to `wait` for one.
  void serve(std::chrono::milliseconds wait);

  /// Why this client can do nothing more; it must be replaced.
  std::optional<std::string> fatal() const;
  /// Why the brokers do not let us in, if they said so: wrong credentials, an unknown certificate.
  std::optional<std::string> denied() const;
  /// The last complaint; empty if there was none.
  std::string last_error() const;

private:
  kafka_client() = default;
  static void on_error(rd_kafka_s*, int code, const char* reason, void* self);
  static void on_log(const rd_kafka_s* handle, int level, const char* facility, const char* text);
  static void on_token_refresh(rd_kafka_s* handle, const char* config, void* self);
  void complain(engine::log_level level, std::string_view what, std::string text);

  rd_kafka_s* handle_ = nullptr;
  engine::log* log_ = nullptr;
  std::string section_;
  std::function<engine::result<kafka_oauth_token>()> oauth_token_;
  mutable std::mutex mutex_;  ///< guards what follows
  std::string last_error_;
  std::optional<std::string> fatal_;
  std::optional<std::string> denied_;
};

/// A warning that belongs to `settings` with the librdkafka that is linked, if there is one.
std::optional<std::string> kafka_version_warning(const kafka_settings& settings);

}  // namespace muster::connectors
