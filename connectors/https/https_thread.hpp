#pragma once

#include "connectors/https/admission.hpp"
#include "connectors/https/https_server.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace muster::connectors {

/// Random bytes drawn in bulk: one call of the generator for many correlation ids. Not for secrets. One thread.
class bulk_entropy final : public engine::entropy {
public:
  explicit bulk_entropy(engine::entropy& source) : source_(source) {}
  std::string draw(std::size_t size) override;

private:
  engine::entropy& source_;
  std::string drawn_;
};

/// What the connections of one thread share. Used by that thread only.
struct https_thread {
  https_thread(std::shared_ptr<boost::asio::io_context> the_loop, const https_options& the_options,
               const https_parts& the_parts, admission& the_admission);

  /// Now, as an HTTP date; made once a second.
  std::string_view date();

  std::shared_ptr<boost::asio::io_context> loop;  ///< answers that come late still have where to go
  const https_options& options;
  const https_parts& parts;
  admission& door;
  bulk_entropy ids;
  std::vector<char> scratch;  ///< what was just read, between two suspensions
  std::string output;         ///< a buffer to write the next response into

private:
  long long date_second_ = -1;
  std::string date_;
};

}  // namespace muster::connectors
