#pragma once

#include "engine/feed.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/usage_feed.hpp"

#include <set>
#include <string>
#include <vector>

/// Reading events back from the journal for people and for other systems.
namespace muster::engine {

/// An event with what was decided about its fields for this reader.
struct history_entry {
  events::envelope meta;
  events::shard_id shard;
  std::string data;  ///< the event's JSON; personal fields opened or left sealed, secrets always left sealed
  std::optional<events::usage_reported> usage;  ///< instead of all that: what follows from the events of an hour
};

/// A page of history. `next` is the place to ask `after` for the next page; `more` is false at the end.
struct history_page {
  std::vector<history_entry> entries;
  feed_place next;
  bool more = false;
};

/// Which events of a service a reader wants.
struct event_filter {
  std::set<std::string, std::less<>> types;  ///< `muster.NOUN_VERB.vN`; empty: all
  std::string subject;                       ///< the stream below the scope, `devices/dev-1`; empty: all
  bool usage = false;                        ///< hourly usage too, if types and stream let it through
};

/// Whether `meta` is an event of `scope` that `filter` lets through.
bool wanted(const events::envelope& meta, const events::id_scope& scope, const event_filter& filter);

/// Whether `filter` lets usage through.
bool wants_usage(const event_filter& filter);

class history {
public:
  history(journal& log, keyring& keys, const catalog& services) : log_(log), keys_(keys), services_(services) {}

  /// Events of one service behind `after`, at most `limit`, as far as `filter` lets them through. `personal`:
  /// open personal fields (source addresses, payloads). A field whose key was destroyed is given as null. Reads the
  /// journal: not for the command path. Any thread.
  result<history_page> of_service(const events::id_scope& scope, const feed_place& after, std::size_t limit,
                                  bool personal, const event_filter& filter = {});

  /// The event of sequence `sequence` in shard `shard`, as recorded; `not_found` if there is none. Any thread.
  result<events::recorded_event> event_at(events::shard_id shard, events::log_sequence sequence);

  /// Events of one stream, likewise.
  result<history_page> of_stream(const events::stream_name& stream, events::log_sequence after, std::size_t limit,
                                 bool personal);

  /// An event for a reader. `personal`: open personal fields. Any thread.
  result<history_entry> entry_of(events::event_record record, events::shard_id shard, bool personal);

private:
  journal& log_;
  keyring& keys_;
  const catalog& services_;
};

}  // namespace muster::engine
