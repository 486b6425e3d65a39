#include "actors/log_watch.hpp"

#include "engine/replay.hpp"

namespace muster::actors {

void log_watch::post(std::shared_ptr<report_box> sender, events::shard_id shard, engine::log_position position) {
  thread_.post({std::move(sender), shard, std::move(position)});
}

void log_watch::compare(const job& what) {
  shard_report report;
  report.what = shard_report::about::log;
  report.compared = engine::check_continues(journal_, what.shard, what.position);
  what.sender->put(std::move(report));
}

}  // namespace muster::actors
