#pragma once

#include "engine/error.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace muster::projections {

/// Ordered rows, read. Any thread. Errors are `corrupt` or `internal`.
class row_source {
public:
  virtual ~row_source() = default;

  /// The value at `key`, or nothing if there is no such row.
  virtual engine::result<std::optional<std::string>> get(std::string_view key) const = 0;

  /// What `get` gives for each of `keys`, which are in order: many rows at once cost less than one by one.
  virtual engine::result<std::vector<std::optional<std::string>>>
  get_all(std::span<const std::string_view> keys) const {
    std::vector<std::optional<std::string>> values;
    values.reserve(keys.size());
    for (const auto key : keys) {
      auto value = get(key);
      if (!value) return std::unexpected(value.error());
      values.push_back(std::move(*value));
    }
    return values;
  }

  /// Calls `visit(key, value)` for the rows in [from, to) in key order until it returns false. The views end with the
  /// call.
  using visitor = std::function<bool(std::string_view key, std::string_view value)>;
  virtual engine::result<void> scan(std::string_view from, std::string_view to, const visitor& visit) const = 0;
};

/// Changes that become visible and survive together. A later change of a key in the same batch wins.
class row_batch {
public:
  virtual ~row_batch() = default;
  virtual void put(std::string_view key, std::string_view value) = 0;
  virtual void erase(std::string_view key) = 0;
};

/// An ordered key-value store: what projections are kept in.
class row_store : public row_source {
public:
  virtual std::unique_ptr<row_batch> make_batch() = 0;
  /// All changes of `batch`, which this store made, or none. Any thread.
  virtual engine::result<void> write(row_batch& batch) = 0;
  /// The rows as they are now, whatever is written later. Short-lived: it holds resources of the store, and must be
  /// gone before the same thread uses the store again.
  virtual std::unique_ptr<row_source> snapshot() const = 0;
};

}  // namespace muster::projections
