#include "actors/journal_thread.hpp"

#include <algorithm>
#include <iterator>

namespace muster::actors {

void journal_thread::post(std::shared_ptr<report_box> sender, engine::shard::frame_to_send frame) {
  thread_.post({std::move(sender), std::move(frame)});
}

void journal_thread::send(std::vector<job> jobs) {
  // Where each frame is written by itself anyway, those without keys do not wait for the keyring.
  if (!journal_.exclusive()) append(take_keyless(jobs));
  store_keys(jobs);
  append(std::move(jobs));
}

std::vector<journal_thread::job> journal_thread::take_keyless(std::vector<job>& jobs) {
  const auto keyless = std::ranges::partition(jobs, [](const job& each) { return !each.frame.keys.empty(); });
  std::vector<job> taken(std::make_move_iterator(keyless.begin()), std::make_move_iterator(keyless.end()));
  jobs.erase(keyless.begin(), keyless.end());
  return taken;
}

// Keys are on disk before any frame that uses them. Frames without keys do not suffer if that fails.
void journal_thread::store_keys(std::vector<job>& jobs) {
  std::vector<engine::named_key> keys;
  for (const auto& each : jobs) keys.insert(keys.end(), each.frame.keys.begin(), each.frame.keys.end());
  if (keys.empty()) return;
  const auto stored = keyring_.store(keys);
  if (stored) return;
  std::erase_if(jobs, [&](const job& each) {
    if (each.frame.keys.empty()) return false;
    shard_report report;
    report.what = shard_report::about::not_sent;
    report.why = "data keys cannot be stored: " + stored.error().text;
    each.sender->put(std::move(report));
    return true;
  });
}

void journal_thread::append(std::vector<job> jobs) {
  if (jobs.empty()) return;
  std::vector<engine::outgoing_frame> frames;
  std::vector<std::shared_ptr<report_box>> senders;
  for (auto& each : jobs) {
    frames.push_back(std::move(each.frame.frame));
    senders.push_back(std::move(each.sender));
  }
  const auto began = std::chrono::steady_clock::now();
  journal_.append(std::move(frames), [senders = std::move(senders), began](std::size_t i, engine::append_outcome is) {
    shard_report report;
    report.outcome = is;
    report.took = std::chrono::steady_clock::now() - began;
    senders[i]->put(std::move(report));
  });
}

}  // namespace muster::actors
