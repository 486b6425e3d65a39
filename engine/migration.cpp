#include "engine/migration.hpp"

#include "engine/repair.hpp"
#include "engine/replay.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>

namespace muster::engine {

namespace {

constexpr std::size_t read_bytes = 4 * 1024 * 1024;
constexpr std::size_t keys_at_once = 1000;

std::string name_of(events::shard_id shard) {
  return "shard " + std::to_string(shard.value());
}

result<void> check_made_for_each_other(const journal_identity& from, const journal_identity& to) {
  if (to.id != from.id) {
    return fail(errc::conflict, "the new journal has the ID " + events::to_hex(to.id.view()) + ", and the old one " +
                                    events::to_hex(from.id.view()) + ": it was not made for this history");
  }
  if (to.shards != from.shards) {
    return fail(errc::conflict, "the new journal has " + std::to_string(to.shards) + " shards, and the old one " +
                                    std::to_string(from.shards) + ": they must have as many");
  }
  if (to.master_key_fingerprint != from.master_key_fingerprint) {
    return fail(errc::conflict, "the new journal was made with another master key than the old one");
  }
  return {};
}

result<void> check_not_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) return fail(errc::unavailable, "stopped before the end; run it again to go on");
  return {};
}

/// Makes `to` hold the keys of `from` and no others: one that was destroyed since an earlier try must not live on.
result<std::uint64_t> copy_keys(keyring& from, keyring& to) {
  std::uint64_t copied = 0;
  std::vector<named_key> some;
  const auto store = [&]() -> result<void> {
    if (auto stored = to.store(some); !stored) return stored;
    copied += some.size();
    some.clear();
    return {};
  };
  auto all = from.each([&](const named_key& key) -> result<void> {
    some.push_back(key);
    return some.size() < keys_at_once ? result<void>() : store();
  });
  if (all) all = store();
  if (!all) return std::unexpected(all.error());

  std::vector<events::data_key_id> destroyed;
  auto compared = to.each([&](const named_key& key) -> result<void> {
    const auto there = from.find(key.id);
    if (there) return {};
    if (there.error().code != errc::not_found) return std::unexpected(there.error());
    destroyed.push_back(key.id);
    return {};
  });
  if (compared) compared = to.destroy(destroyed);
  if (!compared) return std::unexpected(compared.error());
  return copied;
}

constexpr std::chrono::seconds arrival_wait{10};

/// What a journal has announced. A journal keeps its listener as long as it lives, so this is shared with it.
class arrivals {
public:
  void note() {
    const std::scoped_lock lock(mutex_);
    ++count_;
    changed_.notify_all();
  }
  std::uint64_t count() {
    const std::scoped_lock lock(mutex_);
    return count_;
  }
  /// False if nothing came after `seen` for too long.
  bool wait_beyond(std::uint64_t seen) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, arrival_wait, [&] { return count_ > seen; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t count_ = 0;
};

/// Takes one shard over: `locate`, then `copy`, then `compare`.
class shard_copy {
public:
  shard_copy(journal& from, journal& to, std::shared_ptr<arrivals> arrived, events::shard_id shard,
             const migration_progress& progress, std::stop_token stop)
      : from_(from), to_(to), arrived_(std::move(arrived)), stop_(std::move(stop)), progress_(progress),
        read_(from.identity().id, shard, {}, repairs_in(from, shard)) {
    done_.shard = shard;
  }

  /// Reads the old journal up to where the new one's history ends. Writes nothing. Gives whether anything is behind it.
  result<bool> locate() {
    const auto there = read_all_there();
    if (!there) return std::unexpected(there.error());
    const auto& goal = there->end.head;
    while (true) {
      if (read_.position().head == goal) return more_counts();
      const auto records = next_records();
      if (!records) return std::unexpected(records.error());
      if (records->empty()) return std::unexpected(not_the_beginning(*there));
      for (const auto& record : *records) {
        if (const auto accepted = judge(record); !accepted) return std::unexpected(accepted.error());
        if (read_.position().head == goal) break;
      }
      progress_(done_);
    }
  }

  /// Appends what is missing.
  result<void> copy() {
    while (true) {
      const auto records = next_records();
      if (!records) return std::unexpected(records.error());
      if (records->empty()) return {};
      std::vector<outgoing_frame> frames;
      for (const auto& record : *records) {
        const auto accepted = judge(record);
        if (!accepted) return std::unexpected(accepted.error());
        if (*accepted) frames.push_back({done_.shard, record.bytes});
      }
      if (auto taken = append(std::move(frames)); !taken) return taken;
      progress_(done_);
    }
  }

  /// Reads everything back, with every event in it.
  result<migrated_shard> compare() {
    const auto old = read_.position();
    const auto now = read_all_there();
    if (!now) return std::unexpected(now.error());
    const auto same = now->end.sequence == old.sequence && now->end.head == old.head && now->end.epoch == old.epoch &&
                      now->end.incarnation == old.incarnation && now->end.time == old.time &&
                      now->frames == done_.frames;
    if (!same) {
      return fail(errc::corrupt, "the new journal's " + name_of(done_.shard) + " ends at sequence " +
                                     std::to_string(now->end.sequence.value()) + " after " +
                                     std::to_string(now->frames) + " frames, and the old one's at " +
                                     std::to_string(old.sequence.value()) + " after " + std::to_string(done_.frames) +
                                     ", or their chains differ");
    }
    done_.events = now->events;
    done_.end = now->end;
    return done_;
  }

private:
  static result<void> ignore(std::span<const folded_frame>) { return {}; }

  /// Folds the new journal to the end it has now: what was appended may take a moment to come back.
  result<replay_report> read_all_there() {
    const auto end = to_.end(done_.shard);
    if (!end) return std::unexpected(end.error());
    replay_report all;
    while (true) {
      const auto seen = arrived_->count();
      auto some = replay(to_, done_.shard, all.end, std::nullopt, ignore);
      if (!some) return some;
      all.frames += some->frames;
      all.void_frames += some->void_frames;
      all.events += some->events;
      all.end = some->end;
      if (all.end.next_offset >= *end) return all;
      if (const auto going = check_not_stopped(stop_); !going) return std::unexpected(going.error());
      if (!arrived_->wait_beyond(seen))
        return fail(errc::unavailable, "the new journal does not give back " + name_of(done_.shard) + "; run it again");
    }
  }

  result<std::vector<log_record>> next_records() { return records_from(read_.position().next_offset); }
  result<std::vector<log_record>> records_from(events::log_offset offset) {
    if (const auto going = check_not_stopped(stop_); !going) return std::unexpected(going.error());
    return from_.read(done_.shard, offset, read_bytes);
  }

  /// Whether a frame that counts lies behind where the old journal was read to; what is damaged is for `copy` to find.
  result<bool> more_counts() {
    auto ahead = read_;
    while (true) {
      const auto records = records_from(ahead.position().next_offset);
      if (!records) return std::unexpected(records.error());
      if (records->empty()) return false;
      for (const auto& record : *records) {
        if (ahead.judge(record.offset, record.bytes).what != verdict::void_frame) return true;
      }
    }
  }

  /// Whether this frame of the old journal counts.
  result<bool> judge(const log_record& record) {
    const auto seen = read_.judge(record.offset, record.bytes);
    if (seen.what == verdict::void_frame) ++done_.void_frames;
    if (seen.what == verdict::accepted) ++done_.frames;
    if (seen.what == verdict::accepted || seen.what == verdict::void_frame) return seen.what == verdict::accepted;
    return fail(errc::corrupt, "the old journal, " + name_of(done_.shard) + ", offset " +
                                   std::to_string(record.offset.value()) + ": " + seen.reason);
  }

  /// The whole old history was read, and never was where the new one ends.
  error not_the_beginning(const replay_report& there) {
    const auto where =
        "the new journal's " + name_of(done_.shard) + ", up to sequence " + std::to_string(there.end.sequence.value());
    const auto ours = read_.position().head;
    bool passed = false;
    const auto look = [&](std::span<const folded_frame> frames) -> result<void> {
      passed = passed || std::ranges::any_of(frames, [&](const auto& each) { return each.after.head == ours; });
      return {};
    };
    const auto looked = replay(to_, done_.shard, {}, std::nullopt, look);
    if (looked && (passed || ours == events::digest{})) {
      return {errc::conflict, where + ", holds all of the old one's and goes on behind its end: it was moved before, "
                                      "and was written since. Serve it there; the old journal must not go on. Nothing "
                                      "was changed"};
    }
    return {errc::conflict, where + ", is not the beginning of the old one's: it was written by others. Nothing was "
                                    "changed. If that history is to be kept, serve it as it is; otherwise copy into a "
                                    "new journal (on Kafka: delete the topics, or choose another kafka.topic_prefix)"};
  }

  result<void> append(std::vector<outgoing_frame> frames) {
    if (frames.empty()) return {};
    const auto count = frames.size();
    const auto outcomes = append_and_wait(to_, std::move(frames));
    if (std::ranges::any_of(outcomes, [](append_outcome o) { return o != append_outcome::durable; })) {
      return fail(errc::unavailable, "the new journal did not take frames of " + name_of(done_.shard) +
                                         "; run it again to go on where its history ends");
    }
    done_.copied += count;
    return {};
  }

  journal& from_;
  journal& to_;
  const std::shared_ptr<arrivals> arrived_;
  const std::stop_token stop_;
  const migration_progress& progress_;
  log_rule read_;  ///< over the old journal
  migrated_shard done_;
};

result<std::uint64_t> count_keys(keyring& keys) {
  std::uint64_t count = 0;
  auto all = keys.each([&](const named_key&) -> result<void> { return ++count, result<void>(); });
  if (!all) return std::unexpected(all.error());
  return count;
}

}  // namespace

result<migration_report> migrate(journal_with_keys from, journal_with_keys to, const migration_mark_hooks& mark,
                                 const migration_progress& progress, std::stop_token stop) {
  if (const auto fit = check_made_for_each_other(from.log.identity(), to.log.identity()); !fit)
    return std::unexpected(fit.error());
  if (from.keys.master_key_fingerprint() != to.keys.master_key_fingerprint())
    return fail(errc::conflict, "the new keyring was made with another master key than the old one");
  const auto arrived = std::make_shared<arrivals>();
  to.log.on_arrival([arrived](events::shard_id) { arrived->note(); });

  // All of them before anything is written: a journal that goes on by itself must not lose keys that only it knows.
  bool missing = false;
  std::vector<shard_copy> copies;
  copies.reserve(from.log.identity().shards);
  for (std::uint32_t i = 0; i < from.log.identity().shards; ++i) {
    auto& copy = copies.emplace_back(from.log, to.log, arrived, events::shard_id(i), progress, stop);
    const auto located = copy.locate();
    if (!located) return std::unexpected(located.error());
    missing = missing || *located;
  }
  const bool writes = missing || mark.there;
  if (writes && !mark.there) {
    if (const auto set = mark.set(); !set) return std::unexpected(set.error());
  }
  const auto keys = writes ? copy_keys(from.keys, to.keys) : count_keys(to.keys);
  if (!keys) return std::unexpected(keys.error());
  migration_report report;
  report.keys = *keys;
  for (auto& each : copies) {
    if (writes) {
      if (const auto copied = each.copy(); !copied) return std::unexpected(copied.error());
    }
    auto shard = each.compare();
    if (!shard) return std::unexpected(shard.error());
    report.shards.push_back(std::move(*shard));
  }
  return report;
}

}  // namespace muster::engine
