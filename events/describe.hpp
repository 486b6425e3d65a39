#pragma once

#include "events/bytes.hpp"
#include "events/values.hpp"

#include <algorithm>
#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>

/// One list of members per struct, and what is made from it: the row form here, JSON and JSON Schema in
/// events/codec.cpp.
namespace muster::events {

namespace detail {
struct any_visitor {
  template <class T>
  void operator()(const char*, T&) {}
};
}  // namespace detail

/// A struct that lists its members in `describe(self, visit)` as `visit("name", self.member)`.
template <class T>
concept described = requires(T& value, detail::any_visitor& visit) { T::describe(value, visit); };

/// An enumeration with `enum_names`.
template <class T>
concept named_enum = std::is_enum_v<T> && !std::same_as<decltype(enum_names<T>), const std::nullptr_t>;

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};

template <class T>
struct is_counter : std::false_type {};
template <class Tag>
struct is_counter<counter<Tag>> : std::true_type {};

template <class T>
struct is_random_id : std::false_type {};
template <class Tag>
struct is_random_id<random_id<Tag>> : std::true_type {};

template <class T>
struct is_checked_text : std::false_type {};
template <class Rule>
struct is_checked_text<checked_text<Rule>> : std::true_type {};

/// The text of an enumeration's value.
template <named_enum Enum>
constexpr std::string_view name_of(Enum value) {
  return enum_names<Enum>[static_cast<std::size_t>(value)];
}

/// The value whose text is `name`, letter case aside; nothing if there is none.
template <named_enum Enum>
std::optional<Enum> value_named(std::string_view name) {
  const auto same = [](char a, char b) { return (a | 0x20) == (b | 0x20); };
  for (std::size_t i = 0; i < std::size(enum_names<Enum>); ++i) {
    const auto& each = enum_names<Enum>[i];
    if (each.size() == name.size() && std::equal(each.begin(), each.end(), name.begin(), same))
      return static_cast<Enum>(i);
  }
  return std::nullopt;
}

/// Writes values as rows: fixed-width integers are little-endian, other integers LEB128, texts `size | bytes`,
/// optionals `0 | 1 value`, vectors `count | values`, structs their members in order. **The order of members in
/// `describe` is the storage format of rows;** rows can be rebuilt from the log, so that a changed order costs a
/// rebuild and nothing else.
class row_writer {
public:
  std::string take() { return std::move(out_); }
  /// What was written since `clear`, which keeps the memory for the next row.
  std::string_view bytes() const { return out_; }
  void clear() { out_.clear(); }

  template <class T>
  void operator()(const char*, const T& value) {
    write(value);
  }

  template <class T>
  void write(const T& value) {
    if constexpr (std::same_as<T, bool>)
      out_ += value ? '\1' : '\0';
    else if constexpr (std::is_enum_v<T>)
      out_ += static_cast<char>(value);
    else if constexpr (std::integral<T>)
      number(static_cast<std::uint64_t>(value));
    else if constexpr (is_counter<T>::value)
      number(value.value());
    else if constexpr (std::same_as<T, timestamp>)
      number(static_cast<std::uint64_t>(value.time_since_epoch().count()));
    else if constexpr (is_random_id<T>::value)
      out_.append(value.view());
    else if constexpr (std::same_as<T, digest>)
      out_.append(as_bytes(value));
    else if constexpr (is_checked_text<T>::value)
      text(value.text());
    else if constexpr (std::same_as<T, stream_name>)
      text(value.text());
    else if constexpr (std::same_as<T, std::string>)
      text(value);
    else if constexpr (std::same_as<T, json_text>)
      text(value.text);
    else if constexpr (std::same_as<T, sealed_text>) {
      out_.append(value.key.view());
      text(value.box);
    } else if constexpr (is_optional<T>::value) {
      out_ += value ? '\1' : '\0';
      if (value) write(*value);
    } else if constexpr (is_vector<T>::value) {
      number(value.size());
      for (const auto& each : value) write(each);
    } else {
      static_assert(described<const T>);
      T::describe(value, *this);
    }
  }

  void number(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7U) out_ += static_cast<char>(value | 0x80U);
    out_ += static_cast<char>(value);
  }

  void text(std::string_view value) {
    number(value.size());
    out_.append(value);
  }

  void raw(std::string_view bytes) { out_.append(bytes); }

private:
  std::string out_;
};

/// Reads what `row_writer` wrote. After any failure `ok()` is false for good and values are whatever they were.
class row_reader {
public:
  explicit row_reader(std::string_view in) : in_(in) {}

  bool ok() const { return ok_; }
  /// True if everything was read and understood.
  bool done() const { return ok_ && in_.empty(); }
  std::string_view rest() const { return in_; }

  template <class T>
  void operator()(const char*, T& value) {
    read(value);
  }

  template <class T>
  void read(T& value) {
    if constexpr (std::same_as<T, bool>)
      value = byte() != 0;
    else if constexpr (std::is_enum_v<T>) {
      value = static_cast<T>(byte());
      if constexpr (named_enum<T>) ok_ = ok_ && static_cast<std::size_t>(value) < std::size(enum_names<T>);
    } else if constexpr (std::integral<T>)
      value = static_cast<T>(number());
    else if constexpr (is_counter<T>::value)
      value = T(number());
    else if constexpr (std::same_as<T, timestamp>) {
      value = timestamp(std::chrono::microseconds(static_cast<std::int64_t>(number())));
    } else if constexpr (is_random_id<T>::value) {
      const auto bytes = raw(value.bytes.size());
      if (ok_) std::copy(bytes.begin(), bytes.end(), value.bytes.begin());
    } else if constexpr (std::same_as<T, digest>) {
      const auto bytes = raw(value.size());
      if (ok_) std::copy(bytes.begin(), bytes.end(), value.begin());
    } else if constexpr (is_checked_text<T>::value) {
      ok_ = value.assign(text()) && ok_;
    } else if constexpr (std::same_as<T, stream_name>) {
      auto parsed = T::parse(text());
      if (parsed)
        value = std::move(*parsed);
      else
        ok_ = false;
    } else if constexpr (std::same_as<T, std::string>)
      value = text();
    else if constexpr (std::same_as<T, json_text>)
      value.text = text();
    else if constexpr (std::same_as<T, sealed_text>) {
      read(value.key);
      value.box = text();
    } else if constexpr (is_optional<T>::value) {
      if (byte() == 0)
        value.reset();
      else
        read(value.emplace());
    } else if constexpr (is_vector<T>::value) {
      const auto count = number();
      value.clear();
      for (std::uint64_t i = 0; i < count && ok_; ++i) read(value.emplace_back());
    } else {
      static_assert(described<T>);
      T::describe(value, *this);
    }
  }

  std::uint64_t number() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto each = byte();
      value |= static_cast<std::uint64_t>(each & 0x7FU) << shift;
      if ((each & 0x80U) == 0) return value;
    }
    ok_ = false;
    return 0;
  }

  std::string_view text() { return raw(number()); }

  std::string_view raw(std::uint64_t size) {
    if (!ok_ || size > in_.size()) {
      ok_ = false;
      return {};
    }
    const auto bytes = in_.substr(0, size);
    in_.remove_prefix(size);
    return bytes;
  }

private:
  std::uint8_t byte() {
    const auto bytes = raw(1);
    return bytes.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(bytes.front());
  }

  std::string_view in_;
  bool ok_ = true;
};

/// Reads the JSON form of a sealed text: base64 of `key id (16) | box`.
inline bool read_sealed(std::string_view text, sealed_text& value) {
  auto bytes = from_base64(text);
  if (!bytes || bytes->size() < value.key.bytes.size()) return false;
  std::copy_n(bytes->begin(), value.key.bytes.size(), value.key.bytes.begin());
  bytes->erase(0, value.key.bytes.size());
  value.box = std::move(*bytes);
  return true;
}

/// The row form of a value.
template <class T>
std::string to_row(const T& value) {
  row_writer out;
  out.write(value);
  return out.take();
}

/// The value of a row, or nothing if the row is not one of this type.
template <class T>
std::optional<T> from_row(std::string_view row) {
  T value{};
  row_reader in(row);
  in.read(value);
  if (!in.done()) return std::nullopt;
  return value;
}

}  // namespace muster::events
