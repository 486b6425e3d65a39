#include "engine/repair.hpp"

#include "engine/limits.hpp"

namespace muster::engine {

namespace {

constexpr std::size_t read_bytes = 1024 * 1024;

std::string hex(const events::digest& hash) {
  return events::to_hex(events::as_bytes(hash));
}

bool repairs(const log_record& record, const journal& log, events::shard_id shard, const events::digest& hash) {
  const auto header = events::read_header(record.bytes);
  return header && header->kind == events::frame_kind::repair && header->journal == log.identity().id &&
         header->shard == shard && header->repaired == hash;
}

result<void> check_text(std::string_view what, const std::string& text) {
  if (!text.empty() && text.size() <= limits::repair_text_bytes_max) return {};
  return fail(errc::invalid, std::string(what) + " of a repair: expected 1 to " +
                                 std::to_string(limits::repair_text_bytes_max) + " bytes, not " +
                                 std::to_string(text.size()));
}

}  // namespace

log_rule::repair_lookup repairs_in(journal& log, events::shard_id shard) {
  return [&log, shard](events::log_offset offset, const events::digest& hash) {
    auto next = offset.next();
    while (true) {
      const auto records = log.read(shard, next, read_bytes);
      if (!records || records->empty()) return false;
      for (const auto& record : *records) {
        if (repairs(record, log, shard, hash)) return true;
      }
      next = records->back().offset.next();
    }
  };
}

result<std::optional<blocked_log>> find_block(journal& log, events::shard_id shard) {
  log_rule fold(log.identity().id, shard, {}, repairs_in(log, shard));
  while (true) {
    const auto records = log.read(shard, fold.position().next_offset, read_bytes);
    if (!records) return std::unexpected(records.error());
    if (records->empty()) return std::nullopt;
    for (const auto& record : *records) {
      const auto seen = fold.judge(record.offset, record.bytes);
      if (seen.what == verdict::divergent || seen.what == verdict::unreadable)
        return blocked_log{record.offset, seen.hash, seen.reason};
    }
  }
}

result<outgoing_frame> make_repair(const repair_order& order, const journal_identity& journal,
                                   const std::optional<blocked_log>& blocked, events::timestamp now) {
  if (const auto good = check_text("the operator's name", order.by); !good) return std::unexpected(good.error());
  if (const auto good = check_text("the reason", order.reason); !good) return std::unexpected(good.error());
  const auto fold = "who folds shard " + std::to_string(order.shard.value()) + " from its first frame ";
  if (!blocked) {
    return fail(errc::invalid, fold +
                                   "comes to its end: there is nothing to repair. If a node has stopped there all the "
                                   "same, its projections are what is wrong: run 'muster rebuild' on it");
  }
  if (blocked->hash != order.hash) {
    return fail(errc::invalid, fold + "stops at offset " + std::to_string(blocked->offset.value()) + ", at the frame " +
                                   hex(blocked->hash) + " (" + blocked->reason + "), not at a frame " +
                                   hex(order.hash));
  }
  events::frame frame;
  frame.kind = events::frame_kind::repair;
  frame.journal = journal.id;
  frame.shard = order.shard;
  frame.time = now;
  frame.node = order.node;
  frame.repaired = order.hash;
  frame.by = order.by;
  frame.reason = order.reason;
  return outgoing_frame{order.shard, events::encode_frame(frame)};
}

result<blocked_log> repair(journal& log, const repair_order& order, const clock& time) {
  auto blocked = find_block(log, order.shard);
  if (!blocked) return std::unexpected(blocked.error());
  auto frame = make_repair(order, log.identity(), *blocked, time.now());
  if (!frame) return std::unexpected(frame.error());
  std::vector<outgoing_frame> frames;
  frames.push_back(std::move(*frame));
  const auto outcome = append_and_wait(log, std::move(frames)).front();
  if (outcome == append_outcome::durable) return std::move(**blocked);
  return fail(
      errc::unavailable,
      outcome == append_outcome::refused
          ? "the journal did not take the repair; nothing was changed"
          : "it is not known whether the journal took the repair: run the command again, which says so if it did");
}

}  // namespace muster::engine
