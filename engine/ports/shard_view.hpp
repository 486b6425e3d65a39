#pragma once

#include "engine/device.hpp"
#include "engine/directory.hpp"
#include "engine/error.hpp"
#include "engine/limits.hpp"
#include "engine/log_rule.hpp"
#include "engine/service.hpp"
#include "engine/shard.hpp"
#include "engine/usage.hpp"

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

namespace muster::engine {

/// A value, and a sequence as of which it is current: no later event up to there changes it.
template <class T>
struct as_of {
  T value;
  events::log_sequence sequence;
};

/// What a client's idempotency key led to. Kept 24 hours of log time.
struct command_record {
  events::log_sequence first_sequence;  ///< of the first event it led to
  events::digest request{};             ///< of the request, so that the key is not reused for another
  events::timestamp time;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("firstSequence", self.first_sequence);
    visit("request", self.request);
    visit("time", self.time);
  }
};

/// Which registration records to list. All conditions must hold.
struct registration_filter {
  std::optional<events::registration_status> status;
  std::optional<events::group_id> group;
  std::optional<events::hub_name> hub;
};

/// A page of a list in key order. `after` is the `next` of the page before; empty for the first page. At most
/// `rows_max` rows are looked at, however few of them fit.
struct page_request {
  std::string after;
  std::size_t limit = 100;
  std::size_t rows_max = limits::rows_listed_max;
};

template <class T>
struct page {
  std::vector<T> items;
  std::string next;  ///< the `after` of the next page; empty if there is nothing behind. A page that ended with the
                     ///< rows it may look at can have fewer items than asked for, or none, and a next one
};

/// How many of the rows that were looked at fit, and where to go on counting; `next` is empty at the end.
struct partial_count {
  std::uint64_t number = 0;
  std::string next;
};

/// Where an event stands: the frame's offset in the journal, and the event's index in the frame.
struct event_place {
  events::log_sequence sequence;
  events::log_offset offset;
  std::uint32_t index = 0;
};

/// How far a reaction to folded events has come: a feed, a webhook. It follows from no log. New generations of rows
/// take it over, also from rows of another format; where rows are lost the reaction begins anew, and what it did is
/// done once more.
struct reaction_state {
  events::log_sequence done;                       ///< up to here, everything has taken effect outside
  std::optional<events::timestamp> failing_since;  ///< of the failures without a success between
  std::optional<std::string> failure;              ///< the last of these, for people
  std::optional<events::log_sequence> parked;      ///< it has given up on the settings of this sequence
  std::optional<events::timestamp> hour;           ///< behind `done`, the usage of the hours up to this one as well
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("done", self.done);
    visit("failingSince", self.failing_since);
    visit("failure", self.failure);
    visit("parked", self.parked);
    visit("hour", self.hour);
  }
  friend bool operator==(const reaction_state&, const reaction_state&) = default;
};

/// The read models of one shard. Every read is current as of the fold's last frame, and a read that follows an answer
/// sees what was answered. Any thread. Errors are `corrupt` or `internal`: a row that is not there is an empty value.
class shard_view {
public:
  virtual ~shard_view() = default;

  /// What has been folded so far.
  virtual log_position position() const = 0;

  virtual result<as_of<device_state>> device(const events::id_scope& scope, const events::registration_id& id) = 0;
  virtual result<as_of<hub_device_state>> hub_device(const events::id_scope& scope, const events::hub_name& hub,
                                                     const events::device_id& id) = 0;
  /// An enrollment group; of a deleted one the version it had.
  virtual result<as_of<group_state>> group(const events::id_scope& scope, const events::group_id& id) = 0;
  virtual result<as_of<std::optional<command_record>>> command(const events::id_scope& scope,
                                                               std::string_view command_id) = 0;

  /// Everything a shard keeps in memory, read once at start: its services, their groups (deleted ones too), the
  /// directory (shard 0; empty elsewhere).
  virtual result<std::vector<service_state>> services() = 0;
  virtual result<std::vector<std::pair<std::string, group_state>>>
  groups(const events::id_scope& scope) = 0;  ///< by id key
  virtual result<directory_state> directory() = 0;

  /// Registration records in order of their ids.
  virtual result<page<registration_record>>
  registrations(const events::id_scope& scope, const registration_filter& filter, const page_request& request) = 0;
  /// Counts on from `after`, which is empty or the `next` of the count before (else `invalid`), and looks at no more
  /// than `rows_max` rows.
  virtual result<partial_count> count_registrations(const events::id_scope& scope, const registration_filter& filter,
                                                    std::string_view after, std::size_t rows_max) = 0;
  /// Individual enrollments in order of their ids.
  virtual result<page<enrollment_record>> enrollments(const events::id_scope& scope, const page_request& request) = 0;
  virtual result<page<hub_device_state>> hub_devices(const events::id_scope& scope, const events::hub_name& hub,
                                                     const page_request& request) = 0;

  /// The events of a stream after sequence `after`, oldest first.
  virtual result<std::vector<event_place>> stream_events(const events::stream_name& stream, events::log_sequence after,
                                                         std::size_t limit) = 0;
  /// The offset of the frame that holds sequence `sequence`, or of the first after it; nothing if it was not folded
  /// yet.
  virtual result<std::optional<events::log_offset>> frame_of(events::log_sequence sequence) = 0;

  /// What a service used, hour by hour, in [from, to): oldest first, at most `limit` hours, those without events left
  /// out. All of one answer is as of one moment.
  virtual result<std::vector<usage_hour>> usage(const events::id_scope& scope, events::log_hour from,
                                                events::log_hour to, std::size_t limit) = 0;
  /// The first hour that has ended with the log behind `sequence`, or at it and, if `hour` is given, is later than
  /// that; nothing if there is none.
  virtual result<std::optional<events::log_hour>> hour_ended_behind(events::log_sequence sequence,
                                                                    std::optional<events::log_hour> hour) = 0;

  /// How far the reaction `name` has come; nothing if it never came anywhere. Names hold no NUL.
  virtual result<std::optional<reaction_state>> reaction(std::string_view name) = 0;
  /// Keeps that, or forgets it. Each name belongs to one thread at a time.
  virtual result<void> keep_reaction(std::string_view name, const std::optional<reaction_state>& state) = 0;
};

/// An accepted frame with its events read: what projections take.
struct folded_frame {
  events::log_offset offset;
  events::frame_kind kind = events::frame_kind::batch;
  events::timestamp time;
  std::vector<events::recorded_event> events;
  log_position after;
};

/// The read models of one shard, with the fold's side of them.
class shard_projection : public shard_view {
public:
  /// Takes frames in log order: all their rows and the last frame's position in one write. Only from the shard's
  /// thread.
  virtual result<void> apply(std::span<const folded_frame> frames) = 0;

  /// Data keys whose destruction was folded, and how far the reaction has come (log sequence). Kept with the rows.
  virtual result<std::vector<events::data_key_id>> keys_to_destroy() = 0;
  virtual result<void> keys_destroyed(std::span<const events::data_key_id> ids) = 0;
};

/// The projections of all shards of a node.
class projection_store {
public:
  virtual ~projection_store() = default;
  /// Opens, or creates, the current generation of a shard's projections.
  virtual result<std::shared_ptr<shard_projection>> open(events::shard_id shard) = 0;
  /// The current generation, to be read only, if there is one that this version reads; nothing otherwise. Makes none,
  /// and changes nothing in what there is.
  virtual result<std::shared_ptr<shard_projection>> open_existing(events::shard_id shard) = 0;
  /// A new, empty generation beside the serving one. It is gone, files and all, when the caller lets go of it before it
  /// was switched to.
  virtual result<std::shared_ptr<shard_projection>> begin_generation(events::shard_id shard) = 0;
  /// Makes the generation last begun the one that `open` gives; the old one is removed when nobody holds it any more.
  virtual result<void> switch_generation(events::shard_id shard) = 0;
  /// A digest over every row of a generation: equal digests, equal rows. `rows` counts them.
  struct fingerprint {
    events::digest digest{};
    std::uint64_t rows = 0;
    log_position position;
  };
  /// Reads every row; `cancelled` if `stop` is requested meanwhile.
  virtual result<fingerprint> fingerprint_of(shard_projection& generation, const std::stop_token& stop = {}) = 0;
};

}  // namespace muster::engine
