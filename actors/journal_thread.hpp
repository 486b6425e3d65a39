#pragma once

#include "actors/shard_reports.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/shard.hpp"

#include <thread>

namespace muster::actors {

/// The one thread that stores keys and appends frames: those of all shards that are ready, in one write.
class journal_thread {
public:
  journal_thread(engine::journal& journal, engine::keyring& keyring) : journal_(journal), keyring_(keyring) {}
  ~journal_thread() { stop(); }
  journal_thread(const journal_thread&) = delete;
  journal_thread& operator=(const journal_thread&) = delete;

  void start();
  /// Sends `frame` after its keys; what becomes of it is put into `sender`. Any thread.
  void post(std::shared_ptr<report_box> sender, engine::shard::frame_to_send frame);
  /// Ends the thread once everything posted has been given to the journal.
  void stop();

private:
  struct job {
    std::shared_ptr<report_box> sender;
    engine::shard::frame_to_send frame;
  };

  void run();
  void append(std::vector<job> jobs);
  static std::vector<job> take_keyless(std::vector<job>& jobs);
  void store_keys(std::vector<job>& jobs);

  engine::journal& journal_;
  engine::keyring& keyring_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<job> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace muster::actors
