#include "tests/simulation/defects.hpp"

#include <algorithm>

namespace muster::simulation {

namespace detail {
defect planted_now = defect::none;
}

namespace {

constexpr defect_name names[] = {
    {defect::answer_when_sent, "answer-when-sent", false},
    {defect::answer_at_delivery, "answer-at-delivery", false},
    {defect::position_apart_from_rows, "position-apart-from-rows", false},
    {defect::position_without_claim, "position-without-claim", false},
    {defect::reads_without_barrier, "reads-without-barrier", false},
    {defect::rejections_unchecked, "rejections-unchecked", false},
    {defect::no_index_keys, "no-index-keys", false},
    {defect::no_command_key, "no-command-key", false},
    {defect::snapshot_as_of_fold, "snapshot-as-of-fold", false},
    {defect::conflict_without_reload, "conflict-without-reload", false},
    {defect::repairs_ignored, "repairs-ignored", false},
    {defect::end_asked_earlier, "end-asked-earlier", false},
    {defect::no_incarnation, "no-incarnation", true},
    {defect::claim_extends_chain, "claim-extends-chain", true},
    {defect::no_frame_check, "no-frame-check", true},
    {defect::no_fold_check, "no-fold-check", true},
    {defect::two_frames_in_flight, "two-frames-in-flight", true},
    {defect::rebuilt_frame, "rebuilt-frame", true},
    {defect::batch_before_claim, "batch-before-claim", true},
    {defect::memory_without_floor, "memory-without-floor", true},
    {defect::released_when_claim_is_sent, "released-when-claim-is-sent", true},
    {defect::claim_leaves_batch_open, "claim-leaves-batch-open", true},
    {defect::last_tried_plus_one, "last-tried-plus-one", true},
    {defect::claims_at_the_edge_only, "claims-at-the-edge-only", true},
    {defect::heads_judged_after_restart, "heads-judged-after-restart", true},
    {defect::memory_begun_at_claim, "memory-begun-at-claim", true},
    {defect::log_not_compared, "log-not-compared", true},
    {defect::joins_barrier_in_flight, "joins-barrier-in-flight", true},
    {defect::recent_for_ever, "recent-for-ever", true},
};

}  // namespace

std::span<const defect_name> all_defects() {
  return names;
}

std::optional<defect_name> defect_named(std::string_view name) {
  const auto* found = std::ranges::find(names, name, &defect_name::name);
  return found == std::end(names) ? std::nullopt : std::optional(*found);
}

void plant(defect what) {
  detail::planted_now = what;
}

}  // namespace muster::simulation
