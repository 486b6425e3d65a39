#pragma once

#include "projections/command_rows.hpp"
#include "projections/rows.hpp"

#include <span>
#include <unordered_map>

namespace muster::projections {

/// Folds frames into rows. Each stream that a call touches is read once, evolved event by event, and written once with
/// those index rows that changed; what is written depends on the frames, not on how many come in one call. Used by one
/// thread.
class row_fold {
public:
  explicit row_fold(row_store& store) : store_(store), commands_(store) {}

  /// Writes all rows of `frames`, and the last one's position, in one batch; in two where records of idempotency keys
  /// both begin and end within the call. After an error nothing of the batch at hand was written.
  engine::result<void> apply(std::span<const engine::folded_frame> frames);

private:
  /// A state that events of this call changed, and the key of its row.
  template <class State>
  struct touched_row {
    std::string key;
    State state;
    bool changed = false;  ///< since it was read
  };
  struct touched_device : touched_row<engine::device_state> {
    bool enrolled = false;                           ///< as the rows have it
    std::optional<registration_summary> registered;  ///< as the rows have it
  };
  template <class Entry>
  using touched = std::unordered_map<std::string_view, Entry>;  ///< by stream text, which the frames hold

  engine::result<void> fold(const engine::folded_frame& frame);
  engine::result<void> fold(const events::recorded_event& e);
  engine::result<void> enter(events::log_hour hour);
  engine::result<void> count(const events::recorded_event& e);
  engine::result<void> read_states(std::span<const engine::folded_frame> frames);
  template <class Entry>
  engine::result<void> read_rows(touched<Entry>& entries);
  template <class Entry>
  engine::result<void> take_row(Entry& entry, const std::optional<std::string>& row);
  template <class Entry>
  engine::result<void> evolve_row(touched<Entry>& entries, const events::recorded_event& e);
  template <class Value>
  void put(std::string_view key, const Value& value);
  void write_states();
  void write_usage();
  void write_indexes(std::string_view stream, const touched_device& device);
  engine::result<void> write(const engine::log_position& position);
  void forget();

  row_store& store_;
  command_rows commands_;
  std::unique_ptr<row_batch> batch_;
  touched<touched_device> devices_;
  touched<touched_row<engine::hub_device_state>> hub_devices_;
  touched<touched_row<engine::group_state>> groups_;
  touched<touched_row<engine::service_state>> services_;
  touched<touched_row<engine::directory_state>> directory_;
  touched<engine::usage_counter> usage_;      ///< of the hour of `last_`, by scope
  std::optional<engine::log_position> last_;  ///< after the frame folded last; nothing if it must be read first
  std::string key_;                           ///< of the row at hand; these two spare an allocation per row
  events::row_writer row_;
};

}  // namespace muster::projections
