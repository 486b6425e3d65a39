#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::connectors {

/// What is wrong with setting librdkafka's property `name` to `value` in the section [kafka]: Muster's promises rest on
/// it, librdkafka does not know it, or does not take that value. Nothing if it is right.
std::optional<std::string> kafka_setting_fault(std::string_view name, const std::string& value);

/// Whether the value of this property is never printed.
bool is_secret_kafka_setting(std::string_view name);

}  // namespace muster::connectors
