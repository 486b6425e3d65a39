#pragma once

#include <optional>
#include <span>
#include <string_view>

/// The defects that can be planted, to show that the simulator finds them. Those of the node are planted in
/// tests/simulation/node.cpp; those of the engine are patched into a copy of its sources (plant_defects.cmake), so that
/// the engine itself knows nothing of them.
namespace muster::simulation {

enum class defect {
  none,
  // in the node
  answer_when_sent,
  answer_at_delivery,
  position_apart_from_rows,
  position_without_claim,
  reads_without_barrier,
  rejections_unchecked,
  no_index_keys,
  no_command_key,
  snapshot_as_of_fold,
  conflict_without_reload,
  repairs_ignored,
  end_asked_earlier,
  // in the engine
  no_incarnation,
  claim_extends_chain,
  no_frame_check,
  no_fold_check,
  two_frames_in_flight,
  rebuilt_frame,
  batch_before_claim,
  memory_without_floor,
  released_when_claim_is_sent,
  claim_leaves_batch_open,
  last_tried_plus_one,
  claims_at_the_edge_only,
  heads_judged_after_restart,
  memory_begun_at_claim,
  log_not_compared,
  joins_barrier_in_flight,
  recent_for_ever,
};

struct defect_name {
  defect what;
  std::string_view name;
  bool in_engine;
};

std::span<const defect_name> all_defects();
std::optional<defect_name> defect_named(std::string_view name);

/// Plants `what` in everything that runs from now on.
void plant(defect what);

namespace detail {
extern defect planted_now;
}

inline bool planted(defect what) {
  return detail::planted_now == what;
}

}  // namespace muster::simulation
