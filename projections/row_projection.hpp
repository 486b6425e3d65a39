#pragma once

#include "projections/row_fold.hpp"

#include <mutex>

namespace muster::projections {

/// The read models of one shard over any row store.
class row_projection final : public engine::shard_projection {
public:
  /// Continues where the rows in `rows` end.
  static engine::result<std::shared_ptr<row_projection>> open(std::shared_ptr<row_store> rows);

  engine::log_position position() const override;

  engine::result<engine::as_of<engine::device_state>> device(const events::id_scope& scope,
                                                             const events::registration_id& id) override;
  engine::result<engine::as_of<engine::group_state>> group(const events::id_scope& scope,
                                                           const events::group_id& id) override;
  engine::result<engine::as_of<engine::hub_device_state>>
  hub_device(const events::id_scope& scope, const events::hub_name& hub, const events::device_id& id) override;
  engine::result<engine::as_of<std::optional<engine::command_record>>> command(const events::id_scope& scope,
                                                                               std::string_view command_id) override;
  engine::result<std::vector<engine::service_state>> services() override;
  engine::result<std::vector<std::pair<std::string, engine::group_state>>>
  groups(const events::id_scope& scope) override;
  engine::result<engine::directory_state> directory() override;
  engine::result<engine::page<engine::registration_record>> registrations(const events::id_scope& scope,
                                                                          const engine::registration_filter& filter,
                                                                          const engine::page_request& request) override;
  engine::result<engine::partial_count> count_registrations(const events::id_scope& scope,
                                                            const engine::registration_filter& filter,
                                                            std::string_view after, std::size_t rows_max) override;
  engine::result<engine::page<engine::enrollment_record>> enrollments(const events::id_scope& scope,
                                                                      const engine::page_request& request) override;
  engine::result<engine::page<engine::hub_device_state>>
  hub_devices(const events::id_scope& scope, const events::hub_name& hub, const engine::page_request& request) override;
  engine::result<std::vector<engine::event_place>>
  stream_events(const events::stream_name& stream, events::log_sequence after, std::size_t limit) override;
  engine::result<std::optional<events::log_offset>> frame_of(events::log_sequence sequence) override;
  engine::result<std::vector<engine::usage_hour>> usage(const events::id_scope& scope, events::log_hour from,
                                                        events::log_hour to, std::size_t limit) override;
  engine::result<std::optional<events::log_hour>> hour_ended_behind(events::log_sequence sequence,
                                                                    std::optional<events::log_hour> hour) override;

  engine::result<std::optional<engine::reaction_state>> reaction(std::string_view name) override;
  engine::result<void> keep_reaction(std::string_view name,
                                     const std::optional<engine::reaction_state>& state) override;

  engine::result<void> apply(std::span<const engine::folded_frame> frames) override;
  engine::result<std::vector<events::data_key_id>> keys_to_destroy() override;
  engine::result<void> keys_destroyed(std::span<const events::data_key_id> ids) override;

  /// SHA-256 over every row in key order, each as `key size u64 | key | value size u64 | value`, but the outbox and
  /// the reactions: how far they have come is not a matter of the log. Any thread.
  engine::result<engine::projection_store::fingerprint> fingerprint(const std::stop_token& stop) const;

  /// Takes over how far the reactions of `other` have come, another generation of the same shard, of any format: what
  /// cannot be read is passed over.
  engine::result<void> take_reactions(const row_source& other);
  const row_source& rows() const { return *rows_; }

private:
  row_projection(std::shared_ptr<row_store> rows, const engine::log_position& position)
      : rows_(std::move(rows)), fold_(*rows_), position_(position) {}

  std::shared_ptr<row_store> rows_;
  row_fold fold_;
  mutable std::mutex mutex_;
  engine::log_position position_;  ///< under `mutex_`; of rows that can be read already
};

}  // namespace muster::projections
