#pragma once

#include "connectors/https/http_stream.hpp"
#include "engine/history.hpp"
#include "engine/ports/clock.hpp"
#include "engine/ports/log.hpp"
#include "engine/telemetry.hpp"
#include "engine/wake_flag.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace muster::connectors {

struct feed_stream_options {
  std::size_t streams_max = 200;
  std::size_t streams_per_service_max = 20;
  std::chrono::milliseconds heartbeat{15'000};  ///< a comment is sent when nothing else was for so long
};

/// Who follows what.
struct feed_subscription {
  events::id_scope scope;
  events::shard_id shard;
  engine::feed_place after;
  engine::event_filter filter;
  bool personal = true;   ///< open personal fields
  std::size_t limit = 0;  ///< the stream ends behind so many events; 0: it does not
  /// Whether the reader may still read `service` as it is now. Asked when the service has changed, and once a minute;
  /// when it says no, the stream ends.
  std::function<bool(const engine::scope_snapshot& service)> admitted;
};

/// The events of services as server-sent events (WHATWG HTML, section 9.2) that go on: each event's `id` is
/// `SHARD-SEQUENCE` and its `data` a CloudEvent on one line. One thread reads for all of them, from the newest frames
/// or, for who lags, from the journal; for a reader that takes nothing it reads nothing.
class feed_streams {
public:
  /// All of these outlive the streams.
  feed_streams(feed_stream_options options, engine::feed& feed, engine::history& past, const engine::catalog& services,
               const engine::clock& clock, engine::log& log, engine::telemetry& telemetry);
  /// Ends all streams.
  ~feed_streams();
  feed_streams(const feed_streams&) = delete;
  feed_streams& operator=(const feed_streams&) = delete;

  /// Begins a stream; says why not if there are too many. Any thread.
  std::expected<std::shared_ptr<http_stream>, std::string> open(feed_subscription who);

private:
  struct follower;
  void run();
  bool step(follower& f);
  bool add(follower& f, std::string_view text);
  bool add_event(follower& f, const engine::feed_place& at, std::string_view event);
  bool flush(follower& f);
  bool send_events(follower& f);
  bool give_up(follower& f, const engine::error& why);
  bool send_usage(follower& f, std::deque<events::usage_reported>& reports, events::log_sequence before);
  bool still_admitted(follower& f);
  bool send(follower& f, const events::event_record& record);
  std::vector<std::shared_ptr<follower>> living();

  const feed_stream_options options_;
  engine::feed& feed_;
  engine::history& past_;
  const engine::catalog& services_;
  const engine::clock& clock_;
  engine::log& log_;
  engine::telemetry& telemetry_;
  engine::wake_flag wake_;
  std::atomic<bool> stopping_{false};
  std::mutex mutex_;
  std::vector<std::shared_ptr<follower>> followers_;  ///< under `mutex_`
  std::thread thread_;                                // last: it uses what stands above
};

}  // namespace muster::connectors
