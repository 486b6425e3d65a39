#pragma once

#include "actors/job_thread.hpp"
#include "actors/shard_reports.hpp"
#include "engine/ports/keyring.hpp"
#include "engine/shard.hpp"

namespace muster::actors {

/// The one thread that stores keys and appends frames: those of all shards that are ready, in one write.
class journal_thread {
public:
  journal_thread(engine::journal& journal, engine::keyring& keyring)
      : journal_(journal), keyring_(keyring),
        thread_(static_cast<std::size_t>(-1), job_thread<job>::at_end::does_the_rest,
                [this](auto jobs) { send(std::move(jobs)); }) {}

  void start() { thread_.start(); }
  /// Sends `frame` after its keys; what becomes of it is put into `sender`. Any thread.
  void post(std::shared_ptr<report_box> sender, engine::shard::frame_to_send frame);
  /// How many frames wait for the write before to end. Any thread.
  std::size_t queued() const { return thread_.queued(); }
  /// Ends the thread once everything posted has been given to the journal.
  void stop() { thread_.stop(); }

private:
  struct job {
    std::shared_ptr<report_box> sender;
    engine::shard::frame_to_send frame;
  };

  void send(std::vector<job> jobs);
  void append(std::vector<job> jobs);
  static std::vector<job> take_keyless(std::vector<job>& jobs);
  void store_keys(std::vector<job>& jobs);

  engine::journal& journal_;
  engine::keyring& keyring_;
  job_thread<job> thread_;
};

}  // namespace muster::actors
