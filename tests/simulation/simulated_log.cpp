#include "tests/simulation/simulated_log.hpp"

#include <algorithm>

namespace muster::simulation {

using namespace std::chrono_literals;
using engine::append_outcome;

void simulated_log::send(int sender, microseconds distance, const std::string& bytes,
                         std::function<void(append_outcome)> outcome) {
  const auto now = queue_.now();
  const auto quick = [&] { return distance + roll_.between(300us, roll_.chance(50) ? 60ms : 3ms); };
  const auto late = [&] { return roll_.between(20ms, std::max<microseconds>(faults.late_max, 20ms)); };
  const auto tell = [&](microseconds when, append_outcome what) {
    queue_.at(bounded(when), [outcome, what] { outcome(what); });
  };
  if (away()) {
    if (roll_.chance(500)) land_at(away_until_ + quick(), sender, bytes);
    return tell(now + roll_.between(1s, 5s), append_outcome::unknown);
  }
  auto fate = roll_.below(1000);
  const auto meets = [&](unsigned per_mille) {
    if (fate < per_mille) return true;
    fate -= per_mille;
    return false;
  };
  if (meets(faults.refused)) return tell(now + quick(), append_outcome::refused);
  if (meets(faults.lost)) return tell(now + late() / 4, append_outcome::unknown);
  if (meets(faults.unknown)) {
    land_at(now + (roll_.chance(500) ? quick() : late()), sender, bytes);
    return tell(now + late() / 4, append_outcome::unknown);
  }
  const auto lands = now + (meets(faults.late) ? late() : quick());
  land_at(lands, sender, bytes);
  if (meets(faults.doubled)) land_at(lands + (roll_.chance(500) ? quick() : late()), sender, bytes);
  queue_.at(bounded(std::max(lands, now) + roll_.between(50us, 2ms)),
            [this, outcome] { outcome(away() ? append_outcome::unknown : append_outcome::durable); });
}

microseconds simulated_log::bounded(microseconds when) const {
  return queue_.now() < calm_from ? std::min(when, calm_from) : when;
}

void simulated_log::land_at(microseconds when, int sender, const std::string& bytes) {
  queue_.at(bounded(when), [this, sender, bytes] {
    if (away()) return land_at(away_until_ + 1ms, sender, bytes);
    if (std::ranges::find(dropped_, sender) == dropped_.end()) land(bytes);
  });
}

void simulated_log::land(std::string bytes) {
  auto offset = records_.empty() ? events::log_offset() : records_.back().offset.next();
  if (roll_.chance(10)) offset = offset.next();  // logs may leave numbers out
  records_.push_back({offset, std::move(bytes)});
  on_landed(records_.back());
}

bool simulated_log::holds(const engine::log_position& position) const {
  const auto is_there = [&](events::log_offset offset, const events::digest& hash) {
    const auto found = read(offset, 1);
    return !found.empty() && found.front().offset == offset && events::sha256(found.front().bytes) == hash;
  };
  if (position.next_offset == events::log_offset()) return true;
  if (end() < position.next_offset || !is_there(position.last_offset, position.last_hash)) return false;
  return position.epoch == events::shard_epoch() || is_there(position.counted_offset, position.counted_hash);
}

void simulated_log::truncate(std::size_t count) {
  records_.resize(records_.size() - std::min(count, records_.size()));
}

std::vector<engine::log_record> simulated_log::read(events::log_offset from, std::size_t count) const {
  const auto first = std::ranges::lower_bound(records_, from, {}, &engine::log_record::offset);
  const auto left = static_cast<std::size_t>(records_.end() - first);
  return {first, first + static_cast<std::ptrdiff_t>(std::min(left, count))};
}

}  // namespace muster::simulation
