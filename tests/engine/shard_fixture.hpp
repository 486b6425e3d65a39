#pragma once

#include "engine/limits.hpp"
#include "engine/shard.hpp"
#include "tests/support/fake_entropy.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <memory>
#include <ostream>

namespace muster::engine {

inline std::ostream& operator<<(std::ostream& out, settlement_kind kind) {
  constexpr const char* names[] = {"committed", "conflict", "unavailable", "overloaded", "too_large"};
  return out << names[static_cast<std::size_t>(kind)];
}

}  // namespace muster::engine

namespace muster::tests {

using namespace std::chrono_literals;
using namespace engine;
using events::frame_kind;
using events::log_offset;
using events::log_sequence;

/// One shard, and a log that takes what the test hands it.
struct shard_fixture {
  fake_entropy random;
  shard_options options;
  std::unique_ptr<shard> owner;
  events::timestamp now{1h};
  std::uint64_t offset = 0;
  std::map<std::string, settlement> settled;  ///< by the proposal's name
  std::vector<std::string> order;
  result<void> log_found;  ///< what the next comparison of the log with the fold finds
  int checks = 0;

  shard_fixture() {
    options.journal.bytes.fill(1);
    options.id = events::shard_id(2);
    options.node = "node-a";
    restart({});
  }

  void restart(log_position start) {
    owner = std::make_unique<shard>(options, start, random);
    owner->should_own(true);
  }

  /// A proposal that writes `writes` and has read `reads` at `seen`. `name` is its data, and what it is settled under.
  proposal make(std::string name, std::vector<std::uint64_t> writes, std::vector<std::uint64_t> reads = {},
                std::uint64_t seen = 0) {
    proposal p;
    for (const auto key : writes) {
      auto& record = p.events.emplace_back();
      record.data = name;
      record.index_keys.push_back(key);
    }
    for (const auto key : reads) p.reads.push_back({key, log_sequence(seen)});
    p.deadline = now + 15s;
    p.settled = [this, name](const settlement& s) {
      BOOST_TEST(!settled.contains(name), name << " was settled twice");
      settled.emplace(name, s);
      order.push_back(name);
    };
    return p;
  }

  std::optional<shard::frame_to_send> next(bool caught_up = true) {
    auto frame = next_frame(caught_up);
    settle();
    return frame;
  }

  /// As the node does it: compares the log with the fold when the shard wants that.
  std::optional<shard::frame_to_send> next_frame(bool caught_up) {
    auto frame = owner->next_frame(now, caught_up);
    if (frame || !owner->next_check(now, caught_up)) return frame;
    ++checks;
    owner->checked(log_found, now);
    return owner->next_frame(now, caught_up);
  }

  /// The next frame, which there must be, as the log will have it.
  std::string send(append_outcome outcome = append_outcome::durable) {
    auto frame = next();
    BOOST_REQUIRE(frame.has_value());
    owner->appended(outcome, now);
    settle();
    return frame->frame.bytes;
  }

  std::optional<shard::accepted_frame> fold(const std::string& bytes) {
    auto frame = owner->fold({log_offset(offset++), bytes});
    settle();
    return frame;
  }

  void settle() {
    for (const auto& each : owner->take_settlements()) each.settled(each.what);
  }

  void open() {
    fold(send());
    BOOST_REQUIRE(owner->open());
  }

  /// A claim by another node that knows all there is.
  std::string foreign_claim() const {
    events::frame f;
    f.kind = frame_kind::claim;
    f.journal = options.journal;
    f.shard = options.id;
    f.epoch = owner->position().epoch.next();
    f.incarnation.bytes.fill(0xee);
    f.folded_sequence = owner->position().sequence;
    f.folded_head = owner->position().head;
    f.node = "node-b";
    return events::encode_frame(f);
  }

  settlement_kind kind(const std::string& name) {
    BOOST_REQUIRE_MESSAGE(settled.contains(name), name << " is not settled");
    return settled.at(name).kind;
  }

  static events::frame_header header(const std::string& bytes) { return *events::read_header(bytes); }
};

}  // namespace muster::tests
