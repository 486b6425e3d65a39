#include "connectors/storage/recent_frames.hpp"

namespace muster::connectors {

void recent_frames::push(std::string_view frame) {
  const std::scoped_lock lock(mutex_);
  frames_.emplace_back(frame);
  bytes_ += frame.size();
  while (bytes_ > bytes_max_ && frames_.size() > 1) {
    bytes_ -= frames_.front().size();
    frames_.pop_front();
    first_ = first_.next();
  }
}

std::optional<std::vector<engine::log_record>> recent_frames::read(events::log_offset from,
                                                                   std::size_t bytes_max) const {
  const std::scoped_lock lock(mutex_);
  if (from < first_) return std::nullopt;
  std::vector<engine::log_record> records;
  std::size_t bytes = 0;
  for (auto offset = from; offset < end_locked(); offset = offset.next()) {
    const auto& frame = frames_[offset.value() - first_.value()];
    if (!records.empty() && bytes + frame.size() > bytes_max) break;
    bytes += frame.size();
    records.push_back({offset, frame});
  }
  return records;
}

events::log_offset recent_frames::end() const {
  const std::scoped_lock lock(mutex_);
  return end_locked();
}

}  // namespace muster::connectors
