#include "connectors/kafka/journal_header.hpp"

#include "connectors/json/json_body.hpp"
#include "connectors/json/json_writer.hpp"

#include <algorithm>
#include <charconv>

namespace muster::connectors {

using engine::errc;
using engine::fail;
using engine::result;

namespace {

constexpr std::int64_t format = 1;

template <std::size_t N>
bool read_hex(const json_value& object, std::string_view name, std::array<std::uint8_t, N>& out) {
  const auto* member = object.find(name);
  if (member == nullptr) return false;
  const auto bytes = events::from_hex(member->text);
  if (!bytes || bytes->size() != N) return false;
  std::ranges::copy(*bytes, out.begin());
  return true;
}

std::optional<std::uint32_t> number(const json_value& object, std::string_view name) {
  const auto* member = object.find(name);
  if (member == nullptr || member->what != json_value::kind::number) return std::nullopt;
  std::uint32_t value = 0;
  const auto* end = member->text.data() + member->text.size();
  const auto [stopped, error] = std::from_chars(member->text.data(), end, value);
  if (error != std::errc() || stopped != end) return std::nullopt;
  return value;
}

}  // namespace

std::string encode_journal_header(const journal_header& header) {
  json_writer out;
  out.begin_object();
  out.string("muster", "journal");
  out.number("format", format);
  out.string("journal", events::to_hex(header.journal.id.view()));
  out.number("shard", static_cast<std::int64_t>(header.shard.value()));
  out.number("shards", header.journal.shards);
  out.string("masterKeyFingerprint", events::to_hex(events::as_bytes(header.journal.master_key_fingerprint)));
  out.end_object();
  return out.take();
}

result<journal_header> read_journal_header(std::string_view record) {
  const auto object = read_json_object(record);
  const auto* kind = object ? object->find("muster") : nullptr;
  if (kind == nullptr || kind->text != "journal")
    return fail(errc::invalid, "it is not the header of a Muster journal");
  if (const auto found = number(*object, "format"); found != format) {
    return fail(errc::invalid, "its format is " + (found ? std::to_string(*found) : "not given") +
                                   ", and this version of Muster knows " + std::to_string(format));
  }
  journal_header header;
  const auto shard = number(*object, "shard");
  const auto shards = number(*object, "shards");
  if (!shard || !shards || !read_hex(*object, "journal", header.journal.id.bytes) ||
      !read_hex(*object, "masterKeyFingerprint", header.journal.master_key_fingerprint))
    return fail(errc::invalid, "it does not say properly what the journal is");
  header.shard = events::shard_id(*shard);
  header.journal.shards = *shards;
  return header;
}

}  // namespace muster::connectors
