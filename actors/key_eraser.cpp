#include "actors/key_eraser.hpp"

namespace muster::actors {

void key_eraser::post(std::shared_ptr<report_box> sender, std::vector<events::data_key_id> keys) {
  thread_.post({std::move(sender), std::move(keys)});
}

void key_eraser::erase(std::vector<job> jobs) {
  std::vector<events::data_key_id> all;
  for (const auto& each : jobs) all.insert(all.end(), each.keys.begin(), each.keys.end());
  const auto gone = keyring_.destroy(all);
  for (auto& each : jobs) {
    shard_report report;
    report.what = shard_report::about::keys;
    if (gone)
      report.destroyed = std::move(each.keys);
    else
      report.why = gone.error().text;
    each.sender->put(std::move(report));
  }
}

}  // namespace muster::actors
