#pragma once

#include "actors/generation_offer.hpp"
#include "actors/journal_thread.hpp"
#include "actors/key_eraser.hpp"
#include "actors/log_watch.hpp"
#include "actors/rare.hpp"
#include "actors/shard_host.hpp"
#include "engine/read_gate.hpp"
#include "engine/scope_memory.hpp"

#include <atomic>

namespace muster::actors {

/// What the shards of a host share.
struct slot_surroundings {
  const shard_host_options& options;
  const shard_host_dependencies& d;
  journal_thread& journal;
  key_eraser& eraser;
  log_watch& watch;
  std::function<void()> changed;  ///< a shard opened, closed or stopped, or has come to rest. Any thread.
};

/// One shard with all that belongs to it: its projections, its fold and writer, and the way in for proposals. It begins
/// without projections; its thread opens them. What cannot be opened, folded or written stops this shard, and no other:
/// for good if its log or its rows are not what they should be; where it is the storage of its projections that fails,
/// which may pass, they are opened anew after a pause that grows.
class shard_slot {
public:
  shard_slot(events::shard_id id, slot_surroundings around, std::shared_ptr<wake_flag> thread);

  // Only from the shard's thread -------------------------------------------------------------------------------------

  /// Takes proposals and reports in, folds what is new, sends the next frame. True if there may be more to do at once.
  bool round(bool draining);
  /// Gives back everything that is not settled, after the last round.
  void refuse_rest();

  // Any thread -------------------------------------------------------------------------------------------------------

  events::shard_id id() const { return id_; }
  void propose(engine::proposal p);
  void pass(engine::read_kind kind, std::function<void(const engine::read_permit&)> go);
  bool open() const { return is_open_.load(std::memory_order_acquire) && !is_stopped_.load(std::memory_order_acquire); }
  /// Why it has stopped, if it has.
  std::optional<std::string> stopped() const;
  /// It has stopped because of its projections: once they are made anew, `try_again` is worth while.
  bool projections_at_fault() const { return stopped() && projections_at_fault_.load(std::memory_order_acquire); }
  /// Lets a shard that has stopped open its projections again soon.
  void try_again();
  /// Open, or stopped.
  bool settled() const {
    return is_stopped_.load(std::memory_order_acquire) || is_open_.load(std::memory_order_acquire);
  }
  /// Nothing is queued or in flight.
  bool at_rest() const { return is_at_rest_.load() && inbox_size_.load() == 0; }
  /// The projections that serve; nothing if they were not opened.
  std::shared_ptr<engine::shard_projection> serving() const;
  /// Switches to `generation` between two frames; waits until that has happened or never will.
  engine::result<void> switch_to(std::shared_ptr<engine::shard_projection> generation, const std::stop_token& stop);

private:
  struct asked_read {
    engine::read_kind kind;
    std::function<void(const engine::read_permit&)> go;
  };

  bool open_up();
  /// Whether a log that does not go on where the projections stand is asked again before that is believed.
  bool is_doubted(std::chrono::steady_clock::time_point now);
  engine::result<void> open_projections();
  bool take_in();
  void take_report(const shard_report& report);
  void take_appended(const shard_report& report);
  void take_erased(const shard_report& report);
  void take_compared(const shard_report& report);
  void tell_of_void_frames();
  enum class followed { to_its_end, partly, not_at_all };
  followed fold_new();
  void take_frames(const std::vector<engine::folded_frame>& frames);
  void publish();
  void count(const engine::folded_frame& frame);
  void deliver();
  bool take_reads();
  bool is_confirmed_now() const;
  void announce();
  void halt(const std::string& reason);
  void halt_by_projections(const engine::error& why, const std::string& doing = {});
  bool due_again(std::chrono::steady_clock::time_point now) const;
  void let_go();
  void go_on();
  void erase_due_keys();
  void note_hour(const engine::folded_frame& frame);
  void end_hour();
  void take_offered_generation();
  engine::result<void> switch_now(const std::shared_ptr<engine::shard_projection>& generation);
  void complain(rare& gate, const char* what, const std::string& reason);

  const events::shard_id id_;
  const slot_surroundings around_;
  const shard_host_dependencies& d_;
  const std::shared_ptr<wake_flag> thread_;
  std::shared_ptr<report_box> reports_;  ///< only from the shard's thread; another one for each writer
  generation_offer offer_;

  // Of the shard's thread
  std::shared_ptr<engine::shard_projection> projection_;
  std::optional<engine::shard> writer_;  ///< nothing until the projections are open
  engine::read_gate gate_;
  engine::scope_memory scopes_;
  std::chrono::steady_clock::time_point open_not_before_;
  std::optional<std::chrono::steady_clock::time_point> log_doubted_since_;
  std::optional<std::chrono::steady_clock::time_point> again_at_;  ///< a stopped shard opens its projections anew
  std::chrono::steady_clock::time_point opened_at_;
  std::chrono::milliseconds pause_{0};         ///< before `again_at_`
  std::optional<events::log_hour> used_hour_;  ///< with operations, and still open
  bool announced_open_ = false;
  bool erasing_keys_ = false;
  bool keys_may_be_due_ = true;
  events::timestamp keys_erased_;  ///< when keys were last sent to be erased
  std::uint64_t void_frames_told_ = 0;
  std::uint64_t queued_told_ = 0;
  rare unreadable_;
  rare not_written_;
  rare not_erased_;
  rare not_compared_;
  rare void_seen_;

  std::atomic<bool> is_open_{false};
  /// When the last accepted frame of this node was sent, in microseconds since the Unix epoch; 0: it has none.
  std::atomic<std::int64_t> confirmed_us_{0};
  std::atomic<bool> is_stopped_{false};
  std::atomic<bool> projections_at_fault_{false};
  std::atomic<bool> again_asked_{false};
  std::atomic<bool> is_at_rest_{true};
  std::atomic<std::size_t> inbox_size_{0};

  mutable std::mutex mutex_;  ///< guards what follows
  std::vector<engine::proposal> inbox_;
  std::vector<asked_read> reads_;
  std::shared_ptr<engine::shard_projection> serving_;  ///< `projection_`, for other threads
  std::string stopped_;
};

}  // namespace muster::actors
