#pragma once

#include "events/values.hpp"

/// Events of the stream `{scope}/devices/{registration}`: the individual enrollment and the registration record of one
/// ID. `registration_refused` and `attempts_suppressed` also stand on `{scope}/refusals`, for IDs that have neither.
namespace muster::events {

struct enrollment_created {
  static constexpr std::string_view type = "muster.enrollment_created.v1";
  individual_enrollment enrollment;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("enrollment", self.enrollment);
  }
};

/// `enrollment` is the whole enrollment as it is from now on.
struct enrollment_updated {
  static constexpr std::string_view type = "muster.enrollment_updated.v1";
  individual_enrollment enrollment;
  timestamp created{};  ///< when the enrollment was, so that the answer to this change can be given again at any time
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("enrollment", self.enrollment);
    visit("created", self.created);
  }
};

/// The enrollment is gone and `data_key` with it. The registration record and the hub device stay.
struct enrollment_deleted {
  static constexpr std::string_view type = "muster.enrollment_deleted.v1";
  registration_id id;
  data_key_id data_key;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("registrationId", self.id);
    visit("dataKey", self.data_key);
  }
};

/// A device was attested and assigned: for the first time, again, or to another hub. The hub's side of it is a hub
/// device event of the same frame. `data_key` seals the personal fields of the registration record.
struct device_registered {
  static constexpr std::string_view type = "muster.device_registered.v1";
  std::string operation_id;
  attempt_report attempt;
  allocation_report allocation;
  hub_name hub;
  device_id device;
  registration_substatus substatus = registration_substatus::initial_assignment;
  data_key_id data_key;
  std::optional<sealed_text> payload;  ///< what the device sent along; personal
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("operationId", self.operation_id);
    visit("attempt", self.attempt);
    visit("allocation", self.allocation);
    visit("assignedHub", self.hub);
    visit("deviceId", self.device);
    visit("substatus", self.substatus);
    visit("dataKey", self.data_key);
    visit("payload", self.payload);
  }
};

/// A register that came while another one of its ID was undecided, was attested, and would have led to the same: it has
/// the operation and the answer of `device_registered` before it. An attempt, but no operation of its own, and no
/// change of the record.
struct registration_joined {
  static constexpr std::string_view type = "muster.registration_joined.v1";
  std::string operation_id;
  attempt_report attempt;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("operationId", self.operation_id);
    visit("attempt", self.attempt);
  }
};

/// A device was attested, but no hub could be assigned.
struct registration_failed {
  static constexpr std::string_view type = "muster.registration_failed.v1";
  std::string operation_id;
  attempt_report attempt;
  allocation_report allocation;
  std::int32_t error_code = 0;  ///< DPS error code, for example 400208
  std::string error_message;
  data_key_id data_key;
  std::optional<sealed_text> payload;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("operationId", self.operation_id);
    visit("attempt", self.attempt);
    visit("allocation", self.allocation);
    visit("errorCode", self.error_code);
    visit("errorMessage", self.error_message);
    visit("dataKey", self.data_key);
    visit("payload", self.payload);
  }
};

/// Why an attempt was refused. The answer to the device says less (connectors/api/dps_error.cpp).
enum class refusal_reason : std::uint8_t {
  unknown_registration,  ///< neither an individual enrollment nor a group whose key signed
  enrollment_disabled,
  signature_mismatch,  ///< of the individual enrollment, or of the group that the device registered with
  token_expired,
  wrong_resource,  ///< the token names another registration
  wrong_scope,     ///< the token names another ID scope
  malformed_token,
  no_credential
};
template <>
inline constexpr std::string_view enum_names<refusal_reason>[] = {
    "unknownRegistration", "enrollmentDisabled", "signatureMismatch", "tokenExpired",
    "wrongResource",       "wrongScope",         "malformedToken",    "noCredential"};

/// An attempt that was not let in. On a device's stream, `enrollment_disabled` leaves its mark on the registration
/// record, and makes it if there is none.
struct registration_refused {
  static constexpr std::string_view type = "muster.registration_refused.v1";
  refusal_reason reason = refusal_reason::unknown_registration;
  attempt_report attempt;
  std::optional<data_key_id> data_key = {};  ///< of the registration record; absent for whoever is none of its devices
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("reason", self.reason);
    visit("attempt", self.attempt);
    visit("dataKey", self.data_key);
  }
};

/// How many refused attempts beyond the budget had one reason and came from one address.
struct suppressed_count {
  refusal_reason reason = refusal_reason::unknown_registration;
  std::optional<sealed_text> source_address;  ///< personal; absent for the sum of all addresses beyond the first 100
  std::uint64_t count = 0;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("reason", self.reason);
    visit("sourceAddress", self.source_address);
    visit("count", self.count);
  }
};

/// The refused attempts of one scope and minute that got no event of their own.
struct attempts_suppressed {
  static constexpr std::string_view type = "muster.attempts_suppressed.v1";
  timestamp from;
  timestamp to;  ///< half-open: [from, to)
  std::vector<suppressed_count> counts;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("from", self.from);
    visit("to", self.to);
    visit("counts", self.counts);
  }
};

/// The registration record is gone and `data_key` with it. The hub device stays.
struct registration_deleted {
  static constexpr std::string_view type = "muster.registration_deleted.v1";
  registration_id id;
  data_key_id data_key;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("registrationId", self.id);
    visit("dataKey", self.data_key);
  }
};

}  // namespace muster::events
