#pragma once

#include "projections/row_store.hpp"
#include "projections/rows.hpp"

#include <string>
#include <string_view>
#include <utility>

/// Reading rows as values.
namespace muster::projections {

/// The value at `key`, or a fresh one if there is no such row.
template <class T>
engine::result<T> read_or_empty(const row_source& rows, const std::string& key) {
  auto row = rows.get(key);
  if (!row) return std::unexpected(row.error());
  if (!*row) return T{};
  return read_row<T>(key, **row);
}

/// Calls `visit(rest of the key behind `prefix_size` bytes, value)` for the rows in `range` until it returns false; a
/// row whose value is no `T` ends it with `corrupt`.
template <class T, class Visit>
engine::result<void> scan_rows(const row_source& rows, const key_range& range, std::size_t prefix_size, Visit visit) {
  engine::result<void> done;
  const auto scanned = rows.scan(range.from, range.to, [&](std::string_view key, std::string_view value) {
    auto read = read_row<T>(key, value);
    if (!read) {
      done = std::unexpected(read.error());
      return false;
    }
    return visit(key.substr(prefix_size), std::move(*read));
  });
  return scanned ? done : scanned;
}

}  // namespace muster::projections
