#pragma once

#include "engine/ports/catalog.hpp"
#include "tests/support/history_builder.hpp"

namespace muster::tests {

/// The service of `scope_a` on shard 0, with the read models that a test gives it.
class one_service final : public engine::catalog {
public:
  explicit one_service(std::shared_ptr<engine::shard_view> rows) : rows_(std::move(rows)) {
    service_->service.scope = scope_a;
  }
  /// For a test to change before anybody has it.
  engine::scope_snapshot& snapshot() { return *service_; }

  engine::as_of<std::shared_ptr<const engine::scope_snapshot>> find(const events::id_scope&) const override {
    return {service_, {}};
  }
  std::shared_ptr<const engine::scope_snapshot> find(const events::service_name&) const override { return service_; }
  engine::lone_service lone() const override { return {service_, 1}; }
  std::vector<std::shared_ptr<const engine::scope_snapshot>> all() const override { return {service_}; }
  std::shared_ptr<engine::shard_view> view(events::shard_id) const override { return rows_; }

private:
  std::shared_ptr<engine::scope_snapshot> service_ = std::make_shared<engine::scope_snapshot>();
  std::shared_ptr<engine::shard_view> rows_;
};

}  // namespace muster::tests
