#include "connectors/https/https_thread.hpp"

#include "connectors/https/http_writer.hpp"

namespace muster::connectors {

std::string bulk_entropy::draw(std::size_t size) {
  constexpr std::size_t drawn_at_once = 4096;
  if (size > drawn_at_once) return source_.draw(size);
  if (drawn_.size() < size) drawn_ = source_.draw(drawn_at_once);
  auto bytes = drawn_.substr(drawn_.size() - size);
  drawn_.resize(drawn_.size() - size);
  return bytes;
}

https_thread::https_thread(std::shared_ptr<boost::asio::io_context> the_loop, const https_options& the_options,
                           const https_parts& the_parts, admission& the_admission)
    : loop(std::move(the_loop)), options(the_options), parts(the_parts), door(the_admission), ids(the_parts.entropy),
      scratch(std::size_t{16} * 1024) {}

std::string_view https_thread::date() {
  const auto second = std::chrono::floor<std::chrono::seconds>(parts.clock.now().time_since_epoch()).count();
  if (second != date_second_) {
    date_second_ = second;
    date_ = to_http_date(second);
  }
  return date_;
}

}  // namespace muster::connectors
