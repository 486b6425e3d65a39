#include "engine/ports/journal.hpp"

#include <latch>
#include <memory>

namespace muster::engine {

std::vector<append_outcome> append_and_wait(journal& log, std::vector<outgoing_frame> frames) {
  std::vector<append_outcome> outcomes(frames.size(), append_outcome::unknown);
  // Shared: the last caller may still be inside `count_down` when this function has returned.
  const auto left = std::make_shared<std::latch>(static_cast<std::ptrdiff_t>(frames.size()));
  log.append(std::move(frames), [&outcomes, left](std::size_t index, append_outcome outcome) {
    outcomes[index] = outcome;
    left->count_down();
  });
  left->wait();
  return outcomes;
}

}  // namespace muster::engine
