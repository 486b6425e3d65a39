#pragma once

#include "engine/attestation/attest.hpp"
#include "engine/decision.hpp"
#include "engine/ports/shard_view.hpp"

/// Decisions about registrations: what devices ask.
namespace muster::engine {

/// Where a decision looks up hub devices; every look-up enters its read set.
class hub_reader {
public:
  virtual ~hub_reader() = default;
  virtual result<as_of<hub_device_state>> find(const events::hub_name& hub, const events::device_id& id) = 0;
};

struct registration_context : decision_context {
  events::log_sequence device_seen;              ///< as of which the device's state is current
  const opened_keys* enrollment_keys = nullptr;  ///< of the individual enrollment, if there is one
  const named_key* record_key = nullptr;         ///< data key of the registration record, if there is one with a key
  hub_reader& hubs;
};

/// PUT register of a device that `verdict` let in, or that proved who it is and is disabled: assigns a hub by policy,
/// moves the device if its enrollment wants that, refreshes its hub identity. The answer is the registration record
/// after the events. DPS: concepts-device-reprovision.
decision decide_registration(const device_state& state, const register_device& c, const attestation_verdict& verdict,
                             const registration_context& context);

/// A register that joins the registration `operation_id` of its device, which was decided while it waited: accounted
/// for by an event, with the answer of that one.
decision decide_join(const device_state& state, const register_device& c, const attestation_verdict& verdict,
                     std::string operation_id, const registration_context& context);

/// An attempt that `verdict` refused. `stream` is the device's, or `{scope}/refusals` for an ID that has neither
/// enrollment nor record nor matching group.
decision decide_refusal(const device_state& state, const evidence& shown, const attestation_verdict& verdict,
                        const events::stream_name& stream, const registration_context& context);

}  // namespace muster::engine
