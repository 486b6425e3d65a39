#pragma once

#include <algorithm>
#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Names of things. Each type holds only values that its `parse` accepted, so nothing behind the border checks them
/// again.
namespace muster::events {

/// How two spellings of a name are told apart.
enum class letter_case : std::uint8_t {
  sensitive,  ///< `A` and `a` are two names
  folded,     ///< one name; the spelling that came first is kept for display
};

/// A text that its rule accepted. `Rule` has `static bool valid(std::string_view)`, a `letter_case letters`, the texts
/// `what` ("registration id") and `rule` ("1 to 128 letters ...") for error messages, and `least`, a valid text without
/// upper-case letters where case does not count, that a default-constructed name holds until a decoder fills it in.
template <class Rule>
class checked_text {
public:
  checked_text() : text_(Rule::least) {}

  /// The name that `text` spells, or nothing if the rule refuses it.
  static std::optional<checked_text> parse(std::string_view text) {
    if (!Rule::valid(text)) return std::nullopt;
    return checked_text(text);
  }

  /// Becomes the name that `text` spells. False, and nothing changed, if the rule refuses it.
  bool assign(std::string_view text) {
    if (!Rule::valid(text)) return false;
    set(text);
    return true;
  }

  static constexpr std::string_view what() { return Rule::what; }
  static constexpr std::string_view rule() { return Rule::rule; }

  /// As first written. What people and clients see.
  const std::string& text() const { return text_; }

  /// What makes the name the same as another: lower case where letter case does not count. What keys are made of.
  const std::string& key() const {
    if constexpr (Rule::letters == letter_case::folded)
      return key_.empty() ? text_ : key_;
    else
      return text_;
  }

  friend bool operator==(const checked_text& a, const checked_text& b) { return a.key() == b.key(); }
  friend auto operator<=>(const checked_text& a, const checked_text& b) { return a.key() <=> b.key(); }

private:
  struct nothing {};
  explicit checked_text(std::string_view text) { set(text); }
  void set(std::string_view text);

  std::string text_;
  /// Empty if it is `text_` itself, as it is nearly always: names are read and copied by the million.
  [[no_unique_address]] std::conditional_t<Rule::letters == letter_case::folded, std::string, nothing> key_;
};

struct id_scope_rule {
  static constexpr std::string_view what = "ID scope";
  static constexpr std::string_view least = "0ne00000000";
  static constexpr std::string_view rule = "'0ne' and 8 upper-case hexadecimal digits";
  static constexpr auto letters = letter_case::sensitive;
  static bool valid(std::string_view text);
};

struct service_name_rule {
  static constexpr std::string_view what = "service name";
  static constexpr std::string_view least = "new";
  static constexpr std::string_view rule =
      "3 to 50 letters, digits and hyphens, not starting or ending with a hyphen, not digits only";
  static constexpr auto letters = letter_case::folded;
  static bool valid(std::string_view text);
};

/// DPS: concepts-service, "Registration ID".
struct registration_id_rule {
  static constexpr std::string_view what = "registration id";
  static constexpr std::string_view least = "0";
  static constexpr std::string_view rule =
      "1 to 128 letters, digits and - . _ : characters, ending with a letter, a digit or '-'";
  static constexpr auto letters = letter_case::folded;
  static bool valid(std::string_view text);
};

struct group_id_rule : registration_id_rule {
  static constexpr std::string_view what = "enrollment group id";
};

/// IoT Hub device identity: case-sensitive.
struct device_id_rule {
  static constexpr std::string_view what = "device id";
  static constexpr std::string_view least = "0";
  static constexpr std::string_view rule =
      "1 to 128 letters, digits and - : . + % _ # * ? ! ( ) , = @ $ ; ' characters";
  static constexpr auto letters = letter_case::sensitive;
  static bool valid(std::string_view text);
};

/// A hub's host name, as devices are told it.
struct hub_name_rule {
  static constexpr std::string_view what = "hub name";
  static constexpr std::string_view least = "hub";
  static constexpr std::string_view rule = "a host name: 1 to 253 letters, digits, hyphens and dots, labels of 1 to 63 "
                                           "characters not starting or ending with a hyphen";
  static constexpr auto letters = letter_case::folded;
  static bool valid(std::string_view text);
};

using id_scope = checked_text<id_scope_rule>;
using service_name = checked_text<service_name_rule>;
using registration_id = checked_text<registration_id_rule>;
using group_id = checked_text<group_id_rule>;
using device_id = checked_text<device_id_rule>;
using hub_name = checked_text<hub_name_rule>;

/// A number that counts one kind of thing and does not mix with other kinds.
template <class Tag>
class counter {
public:
  constexpr counter() = default;
  constexpr explicit counter(std::uint64_t value) : value_(value) {}
  constexpr std::uint64_t value() const { return value_; }
  constexpr counter next() const { return counter(value_ + 1); }
  friend constexpr auto operator<=>(const counter&, const counter&) = default;

private:
  std::uint64_t value_ = 0;
};

/// Position of an event within its shard; the first event has 1, and 0 is before any.
using log_sequence = counter<struct log_sequence_tag>;
/// Number of events of one stream so far; the first event makes it 1, and 0 is a stream that never had one.
using stream_version = counter<struct stream_version_tag>;
/// Place of a frame in its shard's log, as the journal counts; the first is 0.
using log_offset = counter<struct log_offset_tag>;
/// How often a shard has been claimed; 0 before the first claim.
using shard_epoch = counter<struct shard_epoch_tag>;
/// Number of a shard, from 0.
using shard_id = counter<struct shard_id_tag>;

/// 128 random bits that name one thing of their kind for ever.
template <class Tag>
struct random_id {
  std::array<std::uint8_t, 16> bytes{};
  std::string_view view() const { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
  friend auto operator<=>(const random_id&, const random_id&) = default;
};

using journal_id = random_id<struct journal_id_tag>;
using incarnation_id = random_id<struct incarnation_id_tag>;
using data_key_id = random_id<struct data_key_id_tag>;

/// The ordered events of one aggregate, named `directory`, or below an ID scope: `{scope}/service`,
/// `{scope}/groups/{group}`, `{scope}/devices/{registration}`, `{scope}/hubs/{hub}/{device}`, `{scope}/refusals`.
/// Names whose letter case does not count appear in lower case, so that equal names make equal streams.
class stream_name {
public:
  static stream_name directory();
  static stream_name service(const id_scope& scope);
  static stream_name group(const id_scope& scope, const group_id& group);
  static stream_name device(const id_scope& scope, const registration_id& registration);
  static stream_name hub_device(const id_scope& scope, const hub_name& hub, const device_id& device);
  static stream_name refusals(const id_scope& scope);
  /// The stream that `text` names, or nothing if it has none of the shapes above.
  static std::optional<stream_name> parse(std::string_view text);

  const std::string& text() const { return text_; }
  /// The ID scope's text, empty for the directory. Valid as long as this object is.
  std::string_view scope() const;
  /// The name below the scope (`devices/dev-1`), or `directory`. Valid as long as this object is.
  std::string_view subject() const;

  friend bool operator==(const stream_name&, const stream_name&) = default;
  friend auto operator<=>(const stream_name&, const stream_name&) = default;

private:
  explicit stream_name(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

}  // namespace muster::events

template <class Rule>
void muster::events::checked_text<Rule>::set(std::string_view text) {
  text_ = text;
  if constexpr (Rule::letters == letter_case::folded) {
    key_.clear();
    const auto upper = [](char c) { return c >= 'A' && c <= 'Z'; };
    if (std::ranges::none_of(text, upper)) return;
    key_ = text;
    for (char& c : key_) {
      if (upper(c)) c = static_cast<char>(c - 'A' + 'a');
    }
  }
}
