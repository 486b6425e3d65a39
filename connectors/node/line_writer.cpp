#include "connectors/node/line_writer.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <poll.h>
#include <unistd.h>
#include <utility>

namespace muster::connectors {

using namespace std::chrono_literals;

namespace {

constexpr auto gathering_time = 20ms;
constexpr auto farewell_time = 1s;
constexpr std::size_t written_at_once = std::size_t{64} * 1024;  // what a pipe takes

}  // namespace

class line_writer::state {
public:
  state(int descriptor, std::size_t queued_bytes_max, std::function<std::string(std::uint64_t)> report)
      : queued_bytes_max_(queued_bytes_max), report_(std::move(report)), descriptor_(descriptor) {}
  ~state() {
    if (owns_descriptor_) ::close(descriptor_);
    if (next_descriptor_ >= 0) ::close(next_descriptor_);
  }

  void put(std::string_view line, bool at_once) {
    bool wakes = false;
    {
      const std::lock_guard lock(mutex_);
      if (lines_.size() + line.size() > queued_bytes_max_) {
        dropped_.fetch_add(1, std::memory_order_relaxed);
        return;
      }
      const bool was_due = is_due();
      lines_.append(line);
      queued_.fetch_add(line.size());
      urgent_ = urgent_ || at_once;
      wakes = std::exchange(sleeps_, false) || (!was_due && is_due());
    }
    if (wakes) changed_.notify_one();
  }

  void move_to(int descriptor) {
    {
      const std::lock_guard lock(mutex_);
      const int unused = std::exchange(next_descriptor_, descriptor);
      if (unused >= 0) ::close(unused);
      sleeps_ = false;
    }
    changed_.notify_one();
  }

  /// The writer's thread.
  void run() {
    // A pipe whose reader is gone is an error of the write, not the end of the process.
    sigset_t pipe_signal;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &pipe_signal, nullptr);
    std::string taken;
    std::unique_lock lock(mutex_);
    for (;;) {
      sleeps_ = lines_.empty();
      changed_.wait(lock, [this] { return !lines_.empty() || is_due(); });
      sleeps_ = false;
      changed_.wait_for(lock, gathering_time, [this] { return is_due(); });
      const bool last = stopping_;
      urgent_ = false;
      taken.clear();
      taken.swap(lines_);
      if (next_descriptor_ >= 0) use_next_descriptor();
      lock.unlock();
      write_out(taken);
      report_dropped();
      written_.fetch_add(taken.size());
      if (taken.capacity() > 4 * written_at_once) std::string().swap(taken);
      lock.lock();
      if (!last) continue;
      ended_ = true;
      changed_.notify_all();
      return;
    }
  }

  /// True if the thread has written everything and ends.
  bool stop() {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
    return changed_.wait_for(lock, farewell_time, [this] { return ended_; });
  }

  bool all_written() const { return written_.load() == queued_.load(); }
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

private:
  bool is_due() const { return stopping_ || urgent_ || next_descriptor_ >= 0 || lines_.size() >= written_at_once; }

  void use_next_descriptor() {
    if (owns_descriptor_) ::close(descriptor_);
    descriptor_ = std::exchange(next_descriptor_, -1);
    owns_descriptor_ = true;
  }

  void write_out(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written > 0) {
        bytes.remove_prefix(static_cast<std::size_t>(written));
      } else if (errno == EAGAIN) {
        pollfd until{descriptor_, POLLOUT, 0};
        ::poll(&until, 1, -1);
      } else if (errno != EINTR) {
        const auto lines = std::ranges::count(bytes, '\n');
        dropped_.fetch_add(static_cast<std::uint64_t>(lines), std::memory_order_relaxed);
        cannot_write_ = true;
        return;
      }
    }
    cannot_write_ = false;
  }

  void report_dropped() {
    const auto all = dropped();
    if (all == reported_ || cannot_write_) return;
    write_out(report_(all - reported_));
    if (!cannot_write_) reported_ = all;
  }

  const std::size_t queued_bytes_max_;
  const std::function<std::string(std::uint64_t)> report_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string lines_;
  bool sleeps_ = false;  ///< until there is a line
  bool urgent_ = false;
  bool stopping_ = false;
  bool ended_ = false;
  int next_descriptor_ = -1;
  std::atomic<std::uint64_t> queued_ = 0;   ///< bytes, ever
  std::atomic<std::uint64_t> written_ = 0;  ///< the same, or given up
  std::atomic<std::uint64_t> dropped_ = 0;
  // The writer's own:
  std::uint64_t reported_ = 0;
  int descriptor_;
  bool owns_descriptor_ = false;
  bool cannot_write_ = false;
};

namespace {

/// Whether the process's log is written; takes no lock, because whoever ends the process may hold it.
std::function<bool()> written_before_the_end;

/// Waits for the writer, which writes within the gathering time. Safe in a signal handler.
void wait_for_the_writer() {
  constexpr auto look_every = 5ms;
  for (auto waited = 0ms; waited < farewell_time && !written_before_the_end(); waited += look_every)
    ::poll(nullptr, 0, static_cast<int>(look_every.count()));
}

}  // namespace

line_writer::line_writer(int descriptor, std::size_t queued_bytes_max, std::function<std::string(std::uint64_t)> report)
    : state_(std::make_shared<state>(descriptor, queued_bytes_max, std::move(report))),
      thread_([self = state_] { self->run(); }) {}

line_writer::~line_writer() {
  if (state_->stop())
    thread_.join();
  else
    thread_.detach();
}

void line_writer::put(std::string_view line, bool at_once) {
  state_->put(line, at_once);
}

void line_writer::move_to(int descriptor) {
  state_->move_to(descriptor);
}

std::uint64_t line_writer::dropped() const {
  return state_->dropped();
}

void line_writer::write_before_sudden_ends() {
  written_before_the_end = [self = state_] { return self->all_written(); };
  std::signal(SIGABRT, [](int) { wait_for_the_writer(); });
  std::at_quick_exit(wait_for_the_writer);
}

}  // namespace muster::connectors
