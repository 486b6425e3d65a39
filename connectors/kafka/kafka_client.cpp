#include "connectors/kafka/kafka_client.hpp"

#include <librdkafka/rdkafka.h>

#include <array>
#include <utility>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::log_level;
using engine::result;

namespace {

// Brokers that freeze, die or come back are noticed within seconds: librdkafka's own defaults wait a minute, back off
// for ten seconds and look for a new leader every five minutes. A former leader that came back as a follower answers
// our fetches late until the metadata are read again.
const kafka_settings common_defaults = {
    {"client.id", "muster"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"socket.timeout.ms", "6000"},
    {"socket.connection.setup.timeout.ms", "3000"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "500"},
    {"topic.metadata.refresh.fast.interval.ms", "100"},
    {"topic.metadata.refresh.interval.ms", "2000"},
    {"log_level", "4"},
};
const kafka_settings producer_defaults = {
    {"linger.ms", "0"},
    {"request.timeout.ms", "5000"},
    {"message.timeout.ms", "5000"},
    {"queue.buffering.max.kbytes", "65536"},
    {"retry.backoff.ms", "50"},
};
const kafka_settings producer_insisted = {
    {"enable.idempotence", "true"},
    {"acks", "all"},
    {"delivery.report.only.error", "false"},  // else nobody would hear that a record is durable
};
const kafka_settings consumer_defaults = {{"fetch.error.backoff.ms", "50"}};
const kafka_settings consumer_insisted = {
    {"enable.partition.eof", "true"},
    {"auto.offset.reset", "error"},
    {"check.crcs", "true"},
    {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"},
    {"isolation.level", "read_uncommitted"},  // a stranger's open transaction must not hide what comes behind it
};

struct conf_deleter {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using conf_ptr = std::unique_ptr<rd_kafka_conf_t, conf_deleter>;

/// A certificate that is missing is told after TLS 1.3's handshake, by an alert that librdkafka takes for a failure of
/// the transport; OpenSSL's text alone says what it was.
bool is_denial(int code, const std::string& text) {
  return code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED ||
         code == RD_KAFKA_RESP_ERR__SSL || text.contains("SSL alert number");
}

result<void> set_all(rd_kafka_conf_t* conf, const kafka_settings& settings, std::string_view prefix) {
  std::array<char, 512> reason{};
  for (const auto& [name, value] : settings) {
    if (rd_kafka_conf_set(conf, name.c_str(), value.c_str(), reason.data(), reason.size()) != RD_KAFKA_CONF_OK)
      return fail(errc::invalid, std::string(prefix) + name + ": " + reason.data());
  }
  return {};
}

}  // namespace

result<std::unique_ptr<kafka_client>> kafka_client::make(kafka_role role, const kafka_connection& connection,
                                                         const kafka_settings& insisted,
                                                         const std::function<void(rd_kafka_conf_s*)>& configure) {
  const bool produces = role == kafka_role::producer;
  const auto prefix_of_settings = connection.section + ".";
  const conf_ptr conf(rd_kafka_conf_new());
  for (const auto& [settings, prefix] :
       {std::pair(&common_defaults, ""), std::pair(produces ? &producer_defaults : &consumer_defaults, ""),
        std::pair(&connection.settings, prefix_of_settings.c_str()),
        std::pair(produces ? &producer_insisted : &consumer_insisted, ""), std::pair(&insisted, "")}) {
    if (auto set = set_all(conf.get(), *settings, prefix); !set) return std::unexpected(set.error());
  }
  if (auto set = set_all(conf.get(), {{"bootstrap.servers", connection.bootstrap}}, prefix_of_settings); !set)
    return std::unexpected(set.error());
  std::unique_ptr<kafka_client> client(new kafka_client());
  client->log_ = connection.log;
  client->section_ = connection.section;
  client->oauth_token_ = connection.oauth_token;
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_error_cb(conf.get(), &kafka_client::on_error);
  rd_kafka_conf_set_log_cb(conf.get(), &kafka_client::on_log);
  if (client->oauth_token_) {
    rd_kafka_conf_set_oauthbearer_token_refresh_cb(conf.get(), &kafka_client::on_token_refresh);
    rd_kafka_conf_enable_sasl_queue(conf.get(), 1);
  }
  if (configure) configure(conf.get());
  std::array<char, 512> reason{};
  // It takes the configuration only if it succeeds; a copy keeps that simple.
  rd_kafka_conf_t* own = rd_kafka_conf_dup(conf.get());
  client->handle_ = rd_kafka_new(produces ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, own, reason.data(), reason.size());
  if (client->handle_ == nullptr) {
    rd_kafka_conf_destroy(own);
    return fail(errc::invalid, "the settings " + connection.section + ".* do not fit together: " + reason.data());
  }
  if (client->oauth_token_) {
    if (auto* error = rd_kafka_sasl_background_callbacks_enable(client->handle_); error != nullptr) {
      std::string text = rd_kafka_error_string(error);
      rd_kafka_error_destroy(error);
      return fail(errc::internal, "SASL/OAUTHBEARER cannot be used: " + text);
    }
  }
  return client;
}

kafka_client::~kafka_client() {
  if (handle_ != nullptr) rd_kafka_destroy(handle_);
}

void kafka_client::serve(std::chrono::milliseconds wait) {
  rd_kafka_poll(handle_, static_cast<int>(wait.count()));
}

std::optional<std::string> kafka_client::fatal() const {
  const std::lock_guard lock(mutex_);
  return fatal_;
}

std::optional<std::string> kafka_client::denied() const {
  const std::lock_guard lock(mutex_);
  return denied_;
}

std::string kafka_client::last_error() const {
  const std::lock_guard lock(mutex_);
  return last_error_;
}

void kafka_client::complain(log_level level, std::string_view what, std::string text) {
  if (log_ != nullptr) log_->write(level, what, {{"client", rd_kafka_name(handle_)}, {"error", std::move(text)}});
}

void kafka_client::on_error(rd_kafka_s* handle, int code, const char* reason, void* self) {
  auto& client = *static_cast<kafka_client*>(self);
  std::string text = std::string(rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(code))) + ": " + reason;
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> original{};
    const auto what = rd_kafka_fatal_error(handle, original.data(), original.size());
    text = std::string(rd_kafka_err2name(what)) + ": " + original.data();
  }
  {
    const std::lock_guard lock(client.mutex_);
    client.last_error_ = text;
    if (code == RD_KAFKA_RESP_ERR__FATAL) client.fatal_ = text;
    if (is_denial(code, text)) client.denied_ = text;
  }
  client.complain(code == RD_KAFKA_RESP_ERR__FATAL ? log_level::error : log_level::warning,
                  "a Kafka client has a problem", std::move(text));
}

void kafka_client::on_log(const rd_kafka_s* handle, int level, const char* facility, const char* text) {
  auto* self = static_cast<kafka_client*>(rd_kafka_opaque(handle));
  if (self == nullptr || self->log_ == nullptr) return;
  constexpr int notice = 5;  // syslog's
  // Settings of producers are given to consumers too, and the other way round.
  const bool matters = level < notice && std::string_view(facility) != "CONFWARN";
  self->log_->write(matters ? log_level::info : log_level::debug, "librdkafka",
                    {{"client", rd_kafka_name(handle)}, {"facility", facility}, {"text", text}});
}

void kafka_client::on_token_refresh(rd_kafka_s* handle, const char* /*config*/, void* self) {
  auto& client = *static_cast<kafka_client*>(self);
  const auto token = client.oauth_token_();
  std::array<char, 512> reason{};
  if (!token) {
    rd_kafka_oauthbearer_set_token_failure(handle, token.error().text.c_str());
  } else if (rd_kafka_oauthbearer_set_token(handle, token->value.c_str(), token->expires.count(),
                                            token->principal.c_str(), nullptr, 0, reason.data(),
                                            reason.size()) != RD_KAFKA_RESP_ERR_NO_ERROR) {
    const auto text = client.section_ + ".oauth_token_file: " + reason.data();
    rd_kafka_oauthbearer_set_token_failure(handle, text.c_str());
  }
}

std::optional<std::string> kafka_version_warning(const kafka_settings& settings) {
  constexpr int scram_mended = 0x020601ff;  // 2.6.1
  if (rd_kafka_version() >= scram_mended) return std::nullopt;
  for (const auto* name : {"sasl.mechanism", "sasl.mechanisms"}) {
    const auto at = settings.find(name);
    if (at == settings.end() || !at->second.starts_with("SCRAM")) continue;
    return "librdkafka " + std::string(rd_kafka_version_str()) +
           " is linked, whose SCRAM brokers from Kafka 4.0 on refuse as wrong credentials: use librdkafka 2.6.1 or "
           "newer (Debian 13 has it), SASL PLAIN over TLS, or mutual TLS";
  }
  return std::nullopt;
}

}  // namespace muster::connectors
