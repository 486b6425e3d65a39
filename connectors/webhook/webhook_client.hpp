#pragma once

#include "connectors/webhook/webhook_request.hpp"

#include <functional>
#include <memory>

namespace muster::connectors {

struct webhook_client_options {
  bool private_addresses = true;              ///< endpoints may be in private networks and on this machine
  bool plain_http = false;                    ///< http:// to other machines too; to this one it may always be
  std::string ca_file;                        ///< trusted for endpoints; the system's CAs if empty
  std::chrono::milliseconds timeout{20'000};  ///< for a whole request
};

/// Whether requests may go to `url`, as far as the text tells: an absolute https:// URL (or http:// as the options say)
/// without user, password and fragment, of at most 2,048 visible ASCII characters. Says what is wrong with it.
engine::result<void> check_webhook_url(const std::string& url, const webhook_client_options& options);

/// Whether a connection to an address is allowed: never to link-local ones, where clouds keep their secrets, to
/// multicast ones and to none; to private ones and this machine as the option says. `address` is a numeric one.
bool may_connect_to(const std::string& address, bool private_addresses);

/// Sends requests to endpoints: over TLS that is verified, without following redirects, without a proxy, and with
/// bounds on time and on what is read. The address is checked when the name has been resolved, right before the
/// connection: a name that changes its mind does not lead elsewhere. Used by one thread, but for `wake`.
class webhook_client {
public:
  using respond = std::function<void(webhook_response)>;

  explicit webhook_client(webhook_client_options options);
  /// Drops what is in flight.
  ~webhook_client();

  /// Starts a request; `done` is called from `run`.
  void send(const webhook_request& request, respond done);
  /// Works for at most `limit`, less if something ends or somebody wakes it.
  void run(std::chrono::milliseconds limit);
  /// Ends a `run`. Any thread.
  void wake();

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace muster::connectors
