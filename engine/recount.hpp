#pragma once

#include "engine/fold.hpp"
#include "engine/ports/journal.hpp"
#include "engine/ports/shard_view.hpp"

#include <map>
#include <stop_token>
#include <string>
#include <vector>

/// Usage counted anew from the log, apart from the read models, to be compared with theirs.
namespace muster::engine {

/// Counts the events of a shard's log by service and hour, one hour at a time.
class usage_tally {
public:
  /// An hour with events.
  struct counted_hour {
    events::log_hour hour;
    std::map<std::string, usage_counts, std::less<>> services;  ///< by ID scope
    std::optional<hour_end> end;                                ///< absent: no later frame was counted
  };

  /// Takes the next accepted frame. Gives the hour that it ends, if that had events.
  std::optional<counted_hour> add(const folded_frame& frame);
  /// The hour of the last frame.
  const counted_hour& open_hour() const { return now_; }

private:
  counted_hour now_;
  hour_end last_;
  bool began_ = false;
};

/// How the usage of `scope` in `counted` differs from `recorded`, in words; empty if it does not.
std::string difference(const usage_tally::counted_hour& counted, const std::string& scope, const usage_hour* recorded);

/// Compares an hour with the read models that have folded it; `corrupt` says where they differ.
result<void> check_usage(shard_view& view, const usage_tally::counted_hour& counted);

struct usage_recount {
  std::uint64_t hours = 0;  ///< with events
  std::uint64_t events = 0;
  std::uint64_t operations = 0;
  std::uint64_t different_hours = 0;
  std::vector<std::string> differences;  ///< the first hundred, in words
};

/// Folds the log of `shard` from its start and compares what `scope` used with what `view` says, while the shard may go
/// on. Blocks for as long as the log is, or until `stop` is requested: then it is `cancelled`. Any thread.
result<usage_recount> recount_usage(journal& log, shard_view& view, events::shard_id shard,
                                    const events::id_scope& scope, const std::stop_token& stop = {});

/// The same for a service of a node that does not run: `name` is its name or ID scope. Makes no projections where there
/// are none. `not_found` if no shard has such a service, `unavailable` if some shards' projections cannot tell.
result<usage_recount> recount_usage(journal& log, projection_store& store, std::string_view name);

/// `{"ok": ..., "hours": ..., "events": ..., "operations": ..., "differentHours": ..., "differences": [...]}`
std::string to_json(const usage_recount& report);

}  // namespace muster::engine
