#include "connectors/https/connection_ledger.hpp"

namespace muster::connectors {

connection_ledger::place::place(connection_ledger& ledger, account& source)
    : ledger_(ledger), source_(&source), in_all_{this}, in_source_{this} {}

connection_ledger::place::~place() {
  const std::lock_guard lock(ledger_.mutex_);
  if (source_ != nullptr) ledger_.uncount(*this);
}

void connection_ledger::place::on_eviction(std::function<void()> leave) {
  const std::lock_guard lock(ledger_.mutex_);
  leave_ = std::move(leave);
}

void connection_ledger::place::idle() {
  const std::lock_guard lock(ledger_.mutex_);
  if (source_ == nullptr || is_idle_) return;
  is_idle_ = true;
  ledger_.idle_.splice(ledger_.idle_.end(), in_all_);
  source_->idle.splice(source_->idle.end(), in_source_);
}

void connection_ledger::place::busy() {
  const std::lock_guard lock(ledger_.mutex_);
  if (!is_idle_) return;
  is_idle_ = false;
  in_all_.splice(in_all_.end(), ledger_.idle_, at_all_);
  in_source_.splice(in_source_.end(), source_->idle, at_source_);
}

std::unique_ptr<connection_ledger::place> connection_ledger::enter(const std::string& source) {
  const std::lock_guard lock(mutex_);
  const auto known = by_source_.find(source);
  const bool source_full = per_source_max_ > 0 && known != by_source_.end() && known->second.open >= per_source_max_;
  if (source_full || open_ >= all_max_) {
    const auto& idle = source_full ? known->second.idle : idle_;
    if (idle.empty()) return nullptr;
    evict(*idle.front());
  }
  auto& entered = by_source_[source];
  entered.source = source;
  ++entered.open;
  ++open_;
  return std::unique_ptr<place>(new place(*this, entered));
}

/// Gives the place of `one` away. Its connection may live on for a moment.
void connection_ledger::evict(place& one) {
  uncount(one);
  if (one.leave_) one.leave_();
}

void connection_ledger::uncount(place& one) {
  auto& source = *one.source_;
  if (one.is_idle_) {
    one.is_idle_ = false;
    one.in_all_.splice(one.in_all_.end(), idle_, one.at_all_);
    one.in_source_.splice(one.in_source_.end(), source.idle, one.at_source_);
  }
  one.source_ = nullptr;
  --open_;
  if (--source.open == 0) by_source_.erase(std::string(source.source));
}

std::size_t connection_ledger::open() const {
  const std::lock_guard lock(mutex_);
  return open_;
}

}  // namespace muster::connectors
