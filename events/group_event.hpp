#pragma once

#include "events/values.hpp"

/// Events of the stream `{scope}/groups/{group}`. Each carries the whole group as it is from now on.
namespace muster::events {

struct enrollment_group_created {
  static constexpr std::string_view type = "muster.enrollment_group_created.v1";
  enrollment_group group;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("group", self.group);
  }
};

struct enrollment_group_updated {
  static constexpr std::string_view type = "muster.enrollment_group_updated.v1";
  enrollment_group group;
  timestamp created{};  ///< when the group was, so that the answer to this change can be given again at any time
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("group", self.group);
    visit("created", self.created);
  }
};

/// The group is gone and `data_key` with it. Registrations made through it stay.
struct enrollment_group_deleted {
  static constexpr std::string_view type = "muster.enrollment_group_deleted.v1";
  group_id group;
  data_key_id data_key;
  template <class Self, class Visitor>
  static void describe(Self& self, Visitor& visit) {
    visit("enrollmentGroupId", self.group);
    visit("dataKey", self.data_key);
  }
};

}  // namespace muster::events
