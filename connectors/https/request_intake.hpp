#pragma once

#include "connectors/https/admission.hpp"
#include "connectors/https/connection_ledger.hpp"
#include "connectors/https/http_reader.hpp"
#include "connectors/https/https_channel.hpp"

#include <chrono>
#include <optional>
#include <string>

namespace muster::connectors {

struct https_thread;

/// The requests of one connection as they come in: read from the channel, parsed, and admitted or not. Used by its
/// thread only.
class request_intake {
public:
  /// `place`: told when there is nothing to do. `source_key`: what the limits count. All of them outlive this.
  request_intake(https_thread& thread, https_channel& channel, connection_ledger::place& place,
                 const std::string& source_key);

  /// Receives the next request, or what is wrong with it. False if the connection is to be closed without a word.
  https_task<bool> receive();
  /// True while nothing of the next request has come.
  bool is_idle() const { return idle_; }
  /// Ends the wait for a request of which nothing has come.
  void drain();

  /// Why the request cannot be taken; nothing if it can.
  const std::optional<http_problem>& problem() const { return problem_ ? problem_ : reader_.problem(); }
  /// After how long to try again; zero if the request was admitted.
  std::chrono::seconds retry_after() const { return retry_after_; }
  bool is_head() const { return !problem() && reader_.is_head(); }
  /// True if the client can send another request after this one.
  bool keeps_alive() const { return !problem() && reader_.keep_alive() && reader_.complete(); }

  /// The request that was received and admitted.
  http_request take() { return reader_.take(); }
  /// Drops one that was not.
  void drop();
  /// The request is answered: gives back what the admission counts.
  void answered() { ticket_.leave(); }

private:
  void feed(std::string_view bytes);
  void admit();
  https_task<bool> on_header();

  https_thread& thread_;
  https_channel& channel_;
  connection_ledger::place& place_;
  const std::string& source_key_;
  http_reader reader_;
  std::string unread_;                   ///< of the request that is coming, or the next one
  std::optional<http_problem> problem_;  ///< found here, not by the reader
  admission::ticket ticket_;
  std::chrono::seconds retry_after_{0};
  bool header_seen_ = false;
  bool held_back_ = false;  ///< by a client that was not told to go on
  bool idle_ = true;
  bool draining_ = false;
};

}  // namespace muster::connectors
