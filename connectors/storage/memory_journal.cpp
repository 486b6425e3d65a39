#include "connectors/storage/memory_journal.hpp"

#include <algorithm>

namespace muster::connectors {

using engine::append_outcome;

memory_journal::memory_journal(engine::journal_identity identity, bool exclusive)
    : identity_(identity), exclusive_(exclusive), lanes_(identity.shards) {}

void memory_journal::append(std::vector<engine::outgoing_frame> frames, engine::append_settled settled) {
  auto next = fate::durable;
  {
    const std::scoped_lock lock(mutex_);
    ++appends_;
    if (!decided_.empty()) {
      next = decided_.front();
      decided_.pop_front();
    }
    if (next == fate::unknown_delayed) delayed_.insert(delayed_.end(), frames.begin(), frames.end());
  }
  if (next == fate::durable || next == fate::unknown_landed) land(frames);
  const auto outcome = next == fate::durable   ? append_outcome::durable
                       : next == fate::refused ? append_outcome::refused
                                               : append_outcome::unknown;
  for (std::size_t i = 0; i < frames.size(); ++i) settled(i, outcome);
}

engine::result<std::vector<engine::log_record>> memory_journal::read(events::shard_id shard, events::log_offset from,
                                                                     std::size_t bytes_max) {
  return damage_.watch(shard, [&] { return read_frames(shard, from, bytes_max); });
}

engine::result<std::vector<engine::log_record>>
memory_journal::read_frames(events::shard_id shard, events::log_offset from, std::size_t bytes_max) {
  const std::scoped_lock lock(mutex_);
  const auto& [frames, damaged] = lane_of(shard);
  std::vector<engine::log_record> records;
  std::size_t bytes = 0;
  for (auto offset = from; offset.value() < frames.size(); offset = offset.next()) {
    const auto& frame = frames[offset.value()];
    if (!records.empty() && bytes + frame.size() > bytes_max) break;
    if (std::ranges::find(damaged, offset) != damaged.end()) {
      if (!records.empty()) break;
      return engine::fail(engine::errc::corrupt, "shard " + std::to_string(shard.value()) + ", offset " +
                                                     std::to_string(offset.value()) + ": damaged by a test");
    }
    bytes += frame.size();
    records.push_back({offset, frame});
  }
  return records;
}

engine::result<events::log_offset> memory_journal::end(events::shard_id shard) {
  const std::scoped_lock lock(mutex_);
  return events::log_offset(lane_of(shard).frames.size());
}

void memory_journal::on_arrival(std::function<void(events::shard_id)> arrived) {
  damage_.on_found(arrived);
  const std::scoped_lock lock(mutex_);
  arrived_ = std::move(arrived);
}

void memory_journal::decide_next(fate next) {
  const std::scoped_lock lock(mutex_);
  decided_.push_back(next);
}

void memory_journal::release_delayed() {
  std::vector<engine::outgoing_frame> frames;
  {
    const std::scoped_lock lock(mutex_);
    frames.swap(delayed_);
  }
  land(frames);
}

void memory_journal::put(events::shard_id shard, std::string bytes) {
  const engine::outgoing_frame frame{shard, std::move(bytes)};
  land({&frame, 1});
}

void memory_journal::truncate(events::shard_id shard, events::log_offset end) {
  const std::scoped_lock lock(mutex_);
  auto& frames = lane_of(shard).frames;
  frames.resize(std::min<std::size_t>(frames.size(), end.value()));
}

void memory_journal::damage(events::shard_id shard, events::log_offset offset) {
  const std::scoped_lock lock(mutex_);
  lane_of(shard).damaged.push_back(offset);
}

std::size_t memory_journal::appends() const {
  const std::scoped_lock lock(mutex_);
  return appends_;
}

void memory_journal::land(std::span<const engine::outgoing_frame> frames) {
  std::vector<events::shard_id> shards;
  std::function<void(events::shard_id)> arrived;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& frame : frames) {
      lane_of(frame.shard).frames.push_back(frame.bytes);
      if (std::ranges::find(shards, frame.shard) == shards.end()) shards.push_back(frame.shard);
    }
    arrived = arrived_;
  }
  if (!arrived) return;
  for (const auto shard : shards) arrived(shard);
}

memory_journal::lane& memory_journal::lane_of(events::shard_id shard) {
  MUSTER_ASSERT(shard.value() < lanes_.size());
  return lanes_[shard.value()];
}

}  // namespace muster::connectors
