#pragma once

#include "engine/telemetry.hpp"

#include <functional>
#include <string>
#include <vector>

namespace muster::connectors {

/// A value asked for when metrics are read. `name` follows Prometheus's rules: `muster_journal_disk_bytes`.
struct metric_gauge {
  std::string name;
  std::string help;
  std::function<double()> value;  ///< any thread; must not block
};

/// Everything `/metrics` tells, in Prometheus text format 0.0.4: `telemetry`, `gauges` and this process's own figures.
/// The names are all in metrics.cpp; dashboards hold on to them. Any thread.
std::string render_metrics(const engine::telemetry& telemetry, const std::vector<metric_gauge>& gauges = {});

/// The Content-Type of it.
inline constexpr auto metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

}  // namespace muster::connectors
