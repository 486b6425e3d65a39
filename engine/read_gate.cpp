#include "engine/read_gate.hpp"

#include "engine/limits.hpp"

#include <utility>

namespace muster::engine {

bool is_recent(std::optional<events::timestamp> confirmed, events::timestamp now,
               std::chrono::microseconds recent_max) {
  return confirmed && *confirmed <= now && now - *confirmed < recent_max;
}

void read_gate::ask(read_kind kind, std::function<void(const read_permit&)> go, shard& writer, events::timestamp now) {
  if (!writer.open()) return go({});
  if (kind == read_kind::recent && is_recent(writer.confirmed(), now, recent_max_)) return go({true, std::nullopt});
  const auto batch = std::make_shared<fate>(fate::open);
  const auto until = now + (kind == read_kind::exact ? limits::command_deadline : limits::read_wait);
  waiting_.push_back({kind, std::move(go), until, batch});
  proposal barrier;
  barrier.deadline = until;
  barrier.settled = [batch](const settlement& s) {
    *batch = s.kind == settlement_kind::committed ? fate::confirmed : fate::failed;
  };
  writer.propose(std::move(barrier));
}

void read_gate::round(const shard& writer, events::timestamp now) {
  std::vector<waiting> rest;
  for (auto& each : std::exchange(waiting_, {})) {
    if (*each.batch == fate::confirmed)
      each.go({true, std::nullopt});
    else if (*each.batch == fate::failed || now > each.until || !writer.open())
      each.go(permit_without_batch(each.kind, writer, now));
    else
      rest.push_back(std::move(each));
  }
  // What `go` asked for anew stands behind.
  waiting_.insert(waiting_.begin(), std::make_move_iterator(rest.begin()), std::make_move_iterator(rest.end()));
}

void read_gate::close() {
  for (auto& each : std::exchange(waiting_, {})) each.go({});
}

read_permit read_gate::permit_without_batch(read_kind kind, const shard& writer, events::timestamp now) {
  const auto confirmed = writer.confirmed();
  if (kind == read_kind::exact || !confirmed) return {};
  return {true, std::max<std::chrono::microseconds>(now - *confirmed, std::chrono::microseconds(0))};
}

}  // namespace muster::engine
