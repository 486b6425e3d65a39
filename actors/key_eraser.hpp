#pragma once

#include "actors/shard_reports.hpp"
#include "engine/ports/keyring.hpp"

#include <thread>

namespace muster::actors {

/// A thread of its own for erasing keys: the keyring rewrites files for it, which takes long, and no frame shall wait
/// for that. What several shards want erased is erased together.
class key_eraser {
public:
  explicit key_eraser(engine::keyring& keyring) : keyring_(keyring) {}
  ~key_eraser() { stop(); }
  key_eraser(const key_eraser&) = delete;
  key_eraser& operator=(const key_eraser&) = delete;

  void start();
  /// Erases `keys`; puts a report into `sender` once no file yields them any more, or what went wrong. Any thread.
  void post(std::shared_ptr<report_box> sender, std::vector<events::data_key_id> keys);
  /// Ends the thread after the erasure that goes on. What it has not begun is left for the next start.
  void stop();

private:
  struct job {
    std::shared_ptr<report_box> sender;
    std::vector<events::data_key_id> keys;
  };

  void run();
  void erase(std::vector<job> jobs);

  engine::keyring& keyring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace muster::actors
