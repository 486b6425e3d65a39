#pragma once

#include "connectors/api/http_exchange.hpp"

namespace muster::connectors {

/// Everything that Muster answers over HTTPS: finds a request's handler in one table of routes. Any thread.
class http_api final : public http_handler {
public:
  explicit http_api(http_parts parts) : parts_(std::make_shared<const http_parts>(std::move(parts))) {}
  void handle(http_request request, respond answer) override;
  bool takes_long(const http_request& request) const override;

private:
  std::shared_ptr<const http_parts> parts_;  // shared with every exchange, which may outlive its connection
};

}  // namespace muster::connectors
