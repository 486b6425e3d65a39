#pragma once

#include "engine/ports/shard_view.hpp"
#include "engine/registration.hpp"

/// Where a decision finds what is on a hub.
namespace muster::actors {

/// In the rows of the scope's shard. Both outlive the reader.
class view_hub_reader final : public engine::hub_reader {
public:
  view_hub_reader(engine::shard_view& view, const events::id_scope& scope) : view_(view), scope_(scope) {}
  engine::result<engine::as_of<engine::hub_device_state>> find(const events::hub_name& hub,
                                                               const events::device_id& id) override {
    return view_.hub_device(scope_, hub, id);
  }

private:
  engine::shard_view& view_;
  const events::id_scope& scope_;
};

/// Nowhere: for decisions that ask for none.
class no_hub_reader final : public engine::hub_reader {
public:
  engine::result<engine::as_of<engine::hub_device_state>> find(const events::hub_name&,
                                                               const events::device_id&) override {
    return engine::as_of<engine::hub_device_state>{};
  }
};

}  // namespace muster::actors
