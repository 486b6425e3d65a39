#pragma once

#include "engine/answer.hpp"
#include "engine/command.hpp"
#include "engine/key_hash.hpp"
#include "engine/proposal.hpp"

#include <optional>
#include <string>
#include <vector>

namespace muster::engine {

/// An event that was decided, with its place in its stream.
struct decided_event {
  events::stream_name stream;
  events::stream_version version;  ///< 0 on append-only streams (refusals), which are in no read set
  events::event data;
  std::vector<std::string> index_keys;  ///< uniqueness keys it writes, besides its stream
};

/// What deciding a command came to. Also a decision without events rests on what it read: "already so", "not there",
/// "412".
struct decision {
  std::vector<decided_event> events;
  std::vector<key_read> reads;
  std::vector<named_key> keys;              ///< fresh data keys that the events use
  std::optional<rejection> rejected;        ///< to be answered; refused attempts have events too
  std::string operation_id;                 ///< of a registration
  std::optional<opened_keys> keys_to_show;  ///< of a PUT, which answers with the keys it stored

  static decision reject(rejection_code code, std::string message) {
    decision d;
    d.rejected = rejection{code, std::move(message), {}};
    return d;
  }
  /// The same decision, resting on `name` as of `seen`.
  decision& reading(std::string_view name, events::log_sequence seen) & {
    reads.push_back({key_hash(name), seen});
    return *this;
  }
  decision&& reading(std::string_view name, events::log_sequence seen) && { return std::move(reading(name, seen)); }
};

/// What every decision is given besides state and command: all that would make it impure.
struct decision_context {
  events::timestamp now;
  entropy& random;
  const scope_snapshot& scope;
  events::log_sequence scope_seen;  ///< as of which `scope` is current
};

/// The proposal for a decision: events encoded, the command id added as a key that is read and written.
proposal to_proposal(const decision& d, const caller& who, const events::id_scope* scope,
                     events::log_sequence command_seen, events::timestamp deadline);

/// The answer to a command whose proposal was not committed and is not decided again. It says that nothing has changed
/// only where that is known.
rejection not_recorded(const settlement& what);

/// How much log `p` takes, about: its events' data and what stands beside it.
std::size_t bytes_of(const proposal& p);

/// The command id as envelopes carry it: `ID:HEX64`, the SHA-256 of the request behind the colon; empty if there is
/// none.
std::string command_id_text(const caller& who);

/// The key that a command id reads and writes, and its record's name.
std::string command_key(const events::id_scope& scope, std::string_view command_id);

/// Whether `condition` holds for an entry at `version` (0: there is none); else the rejection. `exists`: what a PUT
/// without condition on a stored entry is told.
std::optional<rejection> check_precondition(const precondition& condition, events::stream_version version,
                                            rejection exists);

}  // namespace muster::engine
