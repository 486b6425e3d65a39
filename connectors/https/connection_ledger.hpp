#pragma once

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

namespace muster::connectors {

/// Counts open connections, in all and per source, against two limits. At a limit a new connection takes the place of
/// the one that has waited for its client for the longest time, so that clients which only hold connections cannot keep
/// others out. Any thread; every call takes constant time.
class connection_ledger {
  struct account;

public:
  /// A connection's place, from being let in to its end. The ledger must outlive it.
  class place {
  public:
    ~place();
    place(const place&) = delete;
    place& operator=(const place&) = delete;

    /// `leave` asks the connection to end; it is called on any thread, at most once, while the place is there, and must
    /// not call back.
    void on_eviction(std::function<void()> leave);
    /// The connection begins to wait for a request: from now on it may be asked to leave.
    void idle();
    /// A request is coming.
    void busy();

  private:
    friend class connection_ledger;
    place(connection_ledger& ledger, account& source);

    connection_ledger& ledger_;
    account* source_;  ///< null once another has this place
    bool is_idle_ = false;
    std::function<void()> leave_;
    // One node each: here while there are requests, else in the ledger's list and in the source's.
    std::list<place*> in_all_;
    std::list<place*> in_source_;
    const std::list<place*>::iterator at_all_ = in_all_.begin();  ///< valid wherever the node is
    const std::list<place*>::iterator at_source_ = in_source_.begin();
  };

  /// `per_source_max` 0 is no limit.
  connection_ledger(std::size_t all_max, std::size_t per_source_max)
      : all_max_(all_max), per_source_max_(per_source_max) {}

  /// A place for one more connection of `source`; null if every place that could be had is in use.
  std::unique_ptr<place> enter(const std::string& source);

  std::size_t open() const;

private:
  struct account {
    std::string source;
    std::size_t open = 0;
    std::list<place*> idle;  ///< the one idle for the longest time first
  };

  void evict(place& one);
  void uncount(place& one);

  const std::size_t all_max_;
  const std::size_t per_source_max_;
  mutable std::mutex mutex_;
  std::size_t open_ = 0;
  std::list<place*> idle_;  ///< the one idle for the longest time first
  std::unordered_map<std::string, account> by_source_;
};

}  // namespace muster::connectors
