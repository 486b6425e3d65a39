#pragma once

#include "events/describe.hpp"

#include <charconv>
#include <cstring>
#include <utility>

namespace muster::events {

/// Reads JSON in the one form in which `to_json` writes it: compact, members in the order of `describe`, texts of
/// printable ASCII without escapes. That is nearly every event there is, and takes a third of the time of a general
/// parser. It accepts nothing that a general parser would refuse, but for the inside of the user's objects, which were
/// checked when they came in; at anything else it gives up, and the caller asks that parser.
class ordered_json_reader {
public:
  /// `json` must outlive the reader.
  explicit ordered_json_reader(std::string_view json) : at_(json.data()), end_(json.data() + json.size()) {}

  /// True if the whole text was one object with the members of `value`, and `value` holds them. False: `value` is
  /// anything.
  template <described T>
  bool read_document(T& value) {
    object(value);
    return ok_ && at_ == end_;
  }

  /// Inlined, so that the lengths of names are known where they are compared.
  template <class T>
  [[gnu::always_inline]] void operator()(const char* name, T& value) {
    if (!ok_) return;
    if (!take_name(name)) {
      if constexpr (is_optional<T>::value)
        value.reset();
      else if constexpr (is_vector<T>::value)
        value.clear();
      else
        ok_ = false;
      return;
    }
    read(value);
    first_ = false;
  }

private:
  template <class T>
  void read(T& value) {
    if constexpr (std::same_as<T, bool>)
      value = boolean();
    else if constexpr (named_enum<T>)
      take(value_named<T>(text()), value);
    else if constexpr (std::integral<T>)
      number(value);
    else if constexpr (is_counter<T>::value) {
      std::uint64_t counted = 0;
      number(counted);
      value = T(counted);
    } else if constexpr (is_optional<T>::value)
      read(value.emplace());
    else if constexpr (is_vector<T>::value)
      array(value);
    else if constexpr (std::same_as<T, json_text>)
      value.text = raw_object();
    else if constexpr (described<T>)
      object(value);
    else if constexpr (std::same_as<T, std::string>)
      value = text();
    else if constexpr (std::same_as<T, timestamp>)
      take(from_iso8601(text()), value);
    else if constexpr (is_checked_text<T>::value)
      ok_ = value.assign(text()) && ok_;
    else if constexpr (is_random_id<T>::value)
      ok_ = from_hex(text(), value.bytes) && ok_;
    else {
      static_assert(std::same_as<T, sealed_text>);
      ok_ = read_sealed(text(), value) && ok_;
    }
  }

  template <class T>
  void take(std::optional<T> parsed, T& value) {
    if (parsed)
      value = std::move(*parsed);
    else
      ok_ = false;
  }

  template <class T>
  void object(T& value) {
    if (!skip('{')) return;
    const bool outer_first = std::exchange(first_, true);
    T::describe(value, *this);
    first_ = outer_first;
    skip('}');
  }

  template <class T>
  void array(T& items) {
    items.clear();
    if (!skip('[')) return;
    if (at_ < end_ && *at_ == ']') {
      ++at_;
      return;
    }
    items.reserve(items_expected);
    while (ok_) {
      read(items.emplace_back());
      if (at_ == end_ || *at_ != ',') break;
      ++at_;
    }
    skip(']');
  }

  /// Passes `,"name":`, without the comma at an object's first member; false, and nothing passed, if that is not next.
  [[gnu::always_inline]] bool take_name(const char* name) {
    const auto size = std::char_traits<char>::length(name);
    const std::size_t comma = first_ ? 0 : 1;
    if (static_cast<std::size_t>(end_ - at_) < size + comma + 3) return false;
    const char* here = at_;
    if (comma != 0 && *here++ != ',') return false;
    if (*here != '"' || std::memcmp(here + 1, name, size) != 0 || here[size + 1] != '"' || here[size + 2] != ':')
      return false;
    at_ = here + size + 3;
    return true;
  }

  bool skip(char expected) {
    if (!ok_ || at_ == end_ || *at_ != expected) return ok_ = false;
    ++at_;
    return true;
  }

  bool boolean() {
    const std::string_view rest(at_, static_cast<std::size_t>(end_ - at_));
    const bool value = rest.starts_with("true");
    if (!value && !rest.starts_with("false")) return ok_ = false;
    at_ += value ? 4 : 5;
    return value;
  }

  template <std::integral T>
  void number(T& value) {
    const char* digits = at_ < end_ && *at_ == '-' ? at_ + 1 : at_;
    const bool leading_zero = end_ - digits > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9';
    const auto [behind, error] = std::from_chars(at_, end_, value);
    if (error != std::errc{} || leading_zero)
      ok_ = false;
    else
      at_ = behind;  // a fraction or an exponent is not what follows a member: that ends the reading
  }

  /// A text between quotes, as it stands. Empty after a failure.
  std::string_view text() {
    if (!skip('"')) return {};
    const char* begin = at_;
    at_ = behind_plain(at_);
    const std::string_view value(begin, static_cast<std::size_t>(at_ - begin));
    return skip('"') ? value : std::string_view{};
  }

  /// An object of the user's, as it stands; of its inside only texts and brackets are looked at.
  std::string_view raw_object() {
    const char* begin = at_;
    if (!skip('{')) return {};
    for (std::size_t depth = 1; depth > 0;) {
      if (!ok_ || at_ == end_) {
        ok_ = false;
        return {};
      }
      const char c = *at_;
      if (c == '"') {
        text();
        continue;
      }
      if (c < ' ' || c > '~') {
        ok_ = false;
        return {};
      }
      if (c == '{' || c == '[')
        ++depth;
      else if (c == '}' || c == ']')
        --depth;
      ++at_;
    }
    return {begin, static_cast<std::size_t>(at_ - begin)};
  }

  /// The first byte from `at` on that is a quote, a backslash, a control or not ASCII. Eight bytes at a time.
  const char* behind_plain(const char* at) const {
    constexpr std::uint64_t ones = 0x0101010101010101U;
    constexpr std::uint64_t tops = 0x8080808080808080U;
    for (; end_ - at >= 8; at += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, at, sizeof word);
      const auto quotes = word ^ (ones * '"');
      const auto backslashes = word ^ (ones * '\\');
      // A byte's top bit is set if subtracting borrowed, which a smaller neighbour may only cause wrongly, never hide.
      const auto found = (word | (word - ones * ' ') | (quotes - ones) | (backslashes - ones)) & tops;
      if (found != 0) break;
    }
    while (at < end_ && *at >= ' ' && *at != '"' && *at != '\\') ++at;
    return at;
  }

  static constexpr std::size_t items_expected = 8;  // most arrays of events are short

  const char* at_;
  const char* end_;
  bool ok_ = true;
  bool first_ = true;  ///< no member of the object being read has been passed yet
};

}  // namespace muster::events
