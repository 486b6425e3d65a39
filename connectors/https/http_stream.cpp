#include "connectors/https/http_stream.hpp"

#include <utility>

namespace muster::connectors {

namespace {

void call(const std::function<void()>& f) {
  if (f) f();
}

}  // namespace

bool http_stream::write(std::string_view bytes) {
  const std::lock_guard lock(mutex_);
  if (ended_ || closed_) return false;
  const bool was_empty = bytes_.empty();
  bytes_.append(bytes);
  if (was_empty && !bytes_.empty()) call(arrived_);
  return true;
}

std::size_t http_stream::waiting() const {
  const std::lock_guard lock(mutex_);
  return bytes_.size();
}

void http_stream::end() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(ended_, true)) call(arrived_);
}

bool http_stream::over() const {
  const std::lock_guard lock(mutex_);
  return ended_ || closed_;
}

void http_stream::on_room(std::function<void()> call) {
  const std::lock_guard lock(mutex_);
  room_ = std::move(call);
}

std::string http_stream::take() {
  const std::lock_guard lock(mutex_);
  auto taken = std::exchange(bytes_, {});
  if (!taken.empty()) call(room_);
  return taken;
}

void http_stream::close() {
  const std::lock_guard lock(mutex_);
  if (!std::exchange(closed_, true)) call(room_);
  bytes_.clear();
  arrived_ = nullptr;
}

void http_stream::on_bytes(std::function<void()> arrived) {
  const std::lock_guard lock(mutex_);
  arrived_ = std::move(arrived);
  if (!bytes_.empty() || ended_) call(arrived_);
}

}  // namespace muster::connectors
