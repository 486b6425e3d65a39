#include "connectors/api/feed_streams.hpp"

#include "connectors/api/event_selection.hpp"
#include "events/cloud_event.hpp"

#include <algorithm>

namespace muster::connectors {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t waiting_bytes_max = 64U << 10U;  // behind these, events wait in the log
constexpr std::size_t read_bytes = waiting_bytes_max;  // what there is no room for would be read again
constexpr std::size_t write_bytes = 16U << 10U;        // a TLS record; each write wakes the listener
constexpr std::size_t skipped_max = 1000;  // events of others, after which the reader is told how far it has come
constexpr auto look_interval = 1s;         // for shards that open, and services that go
constexpr auto admission_interval = 60s;

std::string place(events::shard_id shard, const engine::feed_place& at) {
  return "id: " + place_text(shard, at) + "\n";
}

}  // namespace

struct feed_streams::follower {
  feed_subscription who;
  std::shared_ptr<http_stream> body;
  std::shared_ptr<const engine::scope_snapshot> service;  ///< as last admitted
  events::timestamp admitted_at;
  std::size_t skipped = 0;
  std::size_t sent = 0;  ///< events
  std::string made;      ///< and not written yet; empty between steps
};

feed_streams::feed_streams(feed_stream_options options, engine::feed& feed, engine::history& past,
                           const engine::catalog& services, const engine::clock& clock, engine::log& log,
                           engine::telemetry& telemetry)
    : options_(options), feed_(feed), past_(past), services_(services), clock_(clock), log_(log), telemetry_(telemetry),
      thread_([this] { run(); }) {}

feed_streams::~feed_streams() {
  stopping_ = true;
  wake_.raise();
  thread_.join();
  for (const auto& each : followers_) {
    each->body->on_room(nullptr);
    each->body->end();
  }
}

std::expected<std::shared_ptr<http_stream>, std::string> feed_streams::open(feed_subscription who) {
  auto f = std::make_shared<follower>();
  f->who = std::move(who);
  f->service = services_.find(f->who.scope).value;
  f->admitted_at = clock_.now();
  f->body = std::make_shared<http_stream>(": nothing new\n\n", options_.heartbeat);
  f->body->on_room([this] { wake_.raise(); });
  // Says at once that the stream is open and where it begins, and to a browser how soon to come back.
  f->body->write("retry: 1000\n" + place(f->who.shard, f->who.after) + "\n");
  const std::lock_guard lock(mutex_);
  const auto same =
      std::ranges::count_if(followers_, [&](const auto& each) { return each->who.scope == f->who.scope; });
  const bool full = followers_.size() >= options_.streams_max;
  if (stopping_ || full || static_cast<std::size_t>(same) >= options_.streams_per_service_max) {
    ++telemetry_.feed_streams_refused;
    return std::unexpected("Too many streams of events are open already, " +
                           std::string(full ? "of all services together" : "of this service") + ".");
  }
  followers_.push_back(f);
  telemetry_.feed_streams_open = followers_.size();
  wake_.raise();
  return f->body;
}

// Those whose reader is still there.
std::vector<std::shared_ptr<feed_streams::follower>> feed_streams::living() {
  const std::lock_guard lock(mutex_);
  std::erase_if(followers_, [](const auto& each) { return each->body->over(); });
  telemetry_.feed_streams_open = followers_.size();
  return followers_;
}

void feed_streams::run() {
  std::shared_ptr<void> following;  // only while there are streams: otherwise the feed keeps no frames
  bool more = false;
  while (!stopping_) {
    if (!more) wake_.wait(look_interval);
    const auto all = living();
    if (all.empty()) following.reset();
    if (!all.empty() && !following) following = feed_.follow([this](events::shard_id) { wake_.raise(); });
    more = false;
    for (const auto& each : all) more = step(*each) || more;
  }
}

// True if there may be more to send at once.
bool feed_streams::step(follower& f) {
  if (f.body->over()) return false;
  if (!still_admitted(f)) {
    f.body->end();
    return false;
  }
  const bool more = send_events(f);
  return flush(f) && more;
}

// False if the stream takes no more for now.
bool feed_streams::add(follower& f, std::string_view text) {
  f.made += text;
  return f.made.size() < write_bytes || flush(f);
}

// The same of an event, behind which the stream may end.
bool feed_streams::add_event(follower& f, const engine::feed_place& at, std::string_view event) {
  f.who.after = at;
  f.skipped = 0;
  const bool room = add(f, place(f.who.shard, at).append("data: ").append(event).append("\n\n"));
  if (++f.sent != f.who.limit) return room;
  flush(f);
  f.body->end();
  return false;
}

bool feed_streams::flush(follower& f) {
  if (f.made.empty()) return true;
  const bool written = f.body->write(f.made);
  f.made.clear();
  return written && f.body->waiting() < waiting_bytes_max;
}

bool feed_streams::still_admitted(follower& f) {
  auto now = services_.find(f.who.scope).value;
  if (!now) return true;  // its shard is not open: nothing is read from it either
  if (now == f.service && clock_.now() - f.admitted_at < admission_interval) return true;
  f.service = std::move(now);
  f.admitted_at = clock_.now();
  return !f.who.admitted || f.who.admitted(*f.service);
}

bool feed_streams::give_up(follower& f, const engine::error& why) {
  log_.write(engine::log_level::error, "a stream of events cannot go on", {{"error", why.text}});
  flush(f);
  f.body->end();
  return false;
}

bool feed_streams::send_events(follower& f) {
  if (f.body->waiting() >= waiting_bytes_max) return false;
  const auto frames = feed_.read(f.who.shard, f.who.after.sequence, read_bytes);
  if (!frames) {
    return frames.error().code == engine::errc::unavailable ? false : give_up(f, frames.error());
  }
  std::deque<events::usage_reported> reports;
  const auto view = services_.view(f.who.shard);
  // Its shard has opened since, and the log is another: who comes back with this place is told so.
  if (frames->empty() && view && f.who.after.sequence > view->position().sequence) {
    f.body->end();
    return false;
  }
  if (view && engine::wants_usage(f.who.filter)) {
    const auto before = frames->empty() ? f.who.after.sequence.next() : frames->back()->last();
    auto due = engine::usage_between(*view, f.who.scope, f.who.after, before);
    if (!due) return give_up(f, due.error());
    reports = std::move(*due);
  }
  if (frames->empty()) send_usage(f, reports, f.who.after.sequence.next());
  for (const auto& frame : *frames) {
    for (const auto& record : frame->records) {
      if (record.meta.sequence <= f.who.after.sequence) continue;
      if (!send_usage(f, reports, record.meta.sequence) || !send(f, record)) return false;
    }
  }
  return !frames->empty();
}

// Sends the hours that had ended before the event `before`. False if the stream takes no more for now.
bool feed_streams::send_usage(follower& f, std::deque<events::usage_reported>& reports, events::log_sequence before) {
  for (; !reports.empty() && reports.front().sequence < before; reports.pop_front()) {
    const auto event = events::to_cloud_event(reports.front(), f.who.scope, f.who.shard);
    if (!add_event(f, engine::place_of(reports.front()), event)) return false;
  }
  return true;
}

// False if the stream takes no more for now.
bool feed_streams::send(follower& f, const events::event_record& record) {
  const auto sequence = record.meta.sequence;
  if (!engine::wanted(record.meta, f.who.scope, f.who.filter)) {
    f.who.after = sequence;
    // An id without data moves the reader's position and is no event.
    if (++f.skipped < skipped_max) return true;
    f.skipped = 0;
    return add(f, place(f.who.shard, sequence) + "\n");
  }
  const auto entry = past_.entry_of(record, f.who.shard, f.who.personal);
  if (!entry) return give_up(f, entry.error());
  return add_event(f, sequence, events::to_cloud_event(entry->meta, entry->shard, entry->data));
}

}  // namespace muster::connectors
