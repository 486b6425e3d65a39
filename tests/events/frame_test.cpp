#include "events/frame.hpp"

#include <boost/test/unit_test.hpp>

#include <cstring>

namespace muster::events {

namespace {

event_record sample_record(std::string data) {
  event_record record;
  record.meta.stream = *stream_name::parse("0ne00000001/devices/dev-1");
  record.meta.version = stream_version(7);
  record.meta.type = "muster.device_registered.v1";
  record.meta.by = "device";
  record.meta.correlation_id = "c-1";
  record.meta.command_id = "k-1";
  record.meta.operation = true;
  record.data = std::move(data);
  record.index_keys = {1, 0xffffffffffffffffU};
  return record;
}

frame sample_batch(std::vector<event_record> records) {
  frame f;
  f.kind = frame_kind::batch;
  f.journal.bytes.fill(0x11);
  f.shard = shard_id(3);
  f.epoch = shard_epoch(5);
  f.incarnation.bytes.fill(0x22);
  f.first_sequence = log_sequence(41);
  f.prev_hash.fill(0x33);
  f.time = timestamp(std::chrono::microseconds(1'234'567));
  f.node = "node-a";
  f.records = std::move(records);
  return f;
}

frame sample_claim() {
  auto f = sample_batch({});
  f.kind = frame_kind::claim;
  f.folded_sequence = log_sequence(40);
  f.folded_head.fill(0x44);
  return f;
}

frame sample_repair() {
  auto f = sample_batch({});
  f.kind = frame_kind::repair;
  f.repaired.fill(0x55);
  f.by = "operator:ann";
  f.reason = "two logs were joined";
  return f;
}

/// Sets the byte at `at` and makes the checksum right again.
std::string with_byte(std::string bytes, std::size_t at, char value) {
  bytes[at] = value;
  bytes.resize(bytes.size() - sizeof(std::uint32_t));
  const auto checksum = crc32c(bytes);
  bytes.append(reinterpret_cast<const char*>(&checksum), sizeof checksum);
  return bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(frame_test)

BOOST_AUTO_TEST_CASE(a_batch_comes_back_as_it_was_written) {
  const auto f = sample_batch({sample_record("{}"), sample_record(std::string(300, 'x')), sample_record("")});
  const auto bytes = encode_frame(f);
  const auto h = read_header(bytes);
  BOOST_REQUIRE(h);
  BOOST_TEST(static_cast<int>(h->kind) == static_cast<int>(frame_kind::batch));
  BOOST_TEST((h->journal == f.journal));
  BOOST_TEST(h->shard.value() == 3U);
  BOOST_TEST(h->epoch.value() == 5U);
  BOOST_TEST((h->incarnation == f.incarnation));
  BOOST_TEST(h->first_sequence.value() == 41U);
  BOOST_TEST(h->count == 3U);
  BOOST_TEST((h->prev_hash == f.prev_hash));
  BOOST_TEST((h->time == f.time));
  BOOST_TEST(h->node == "node-a");
  const auto records = read_records(*h);
  BOOST_REQUIRE(records);
  BOOST_REQUIRE(records->size() == 3U);
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& meta = (*records)[i].meta;
    BOOST_TEST(meta.stream.text() == "0ne00000001/devices/dev-1");
    BOOST_TEST(meta.version.value() == 7U);
    BOOST_TEST(meta.type == "muster.device_registered.v1");
    BOOST_TEST(meta.by == "device");
    BOOST_TEST(meta.correlation_id == "c-1");
    BOOST_TEST(meta.command_id == "k-1");
    BOOST_TEST(meta.operation);
    BOOST_TEST(meta.sequence.value() == 41 + i);
    BOOST_TEST((meta.time == f.time));
    BOOST_TEST((*records)[i].data == f.records[i].data);
    BOOST_TEST((*records)[i].index_keys == f.records[i].index_keys, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(a_claim_comes_back_with_what_it_rests_on) {
  const auto bytes = encode_frame(sample_claim());
  const auto h = read_header(bytes);
  BOOST_REQUIRE(h);
  BOOST_TEST(static_cast<int>(h->kind) == static_cast<int>(frame_kind::claim));
  BOOST_TEST(h->count == 0U);
  BOOST_TEST(h->folded_sequence.value() == 40U);
  BOOST_TEST((h->folded_head == sample_claim().folded_head));
  BOOST_TEST(h->body.empty());
}

BOOST_AUTO_TEST_CASE(a_repair_comes_back_with_what_it_names_and_who_says_so) {
  const auto bytes = encode_frame(sample_repair());
  const auto h = read_header(bytes);
  BOOST_REQUIRE(h);
  BOOST_TEST(static_cast<int>(h->kind) == static_cast<int>(frame_kind::repair));
  BOOST_TEST((h->repaired == sample_repair().repaired));
  BOOST_TEST(h->by == "operator:ann");
  BOOST_TEST(h->reason == "two logs were joined");
  BOOST_TEST(h->body.empty());
}

BOOST_AUTO_TEST_CASE(a_batch_takes_no_more_than_its_records_and_the_overhead) {
  BOOST_TEST(encode_frame(sample_batch({})).size() <= batch_overhead(6));
  BOOST_TEST(batch_overhead(6) <= encode_frame(sample_batch({})).size() + 2);
}

BOOST_AUTO_TEST_CASE(an_empty_batch_has_no_records) {
  const auto bytes = encode_frame(sample_batch({}));
  const auto records = read_records(*read_header(bytes));
  BOOST_REQUIRE(records);
  BOOST_TEST(records->empty());
}

BOOST_AUTO_TEST_CASE(a_record_takes_no_more_than_its_bound) {
  auto bare = sample_record(std::string(300, 'y'));
  bare.meta.version = stream_version(0xffffffffffffffffU);
  bare.index_keys.assign(40, 0xffffffffffffffffU);
  const auto empty = encode_frame(sample_batch({})).size();
  for (const auto& record : {sample_record(std::string(200, 'y')), sample_record(""), bare}) {
    const auto taken = encode_frame(sample_batch({record})).size() - empty;
    BOOST_TEST(taken <= encoded_size_max(record));
    BOOST_TEST(encoded_size_max(record) < taken + 100);
  }
}

BOOST_AUTO_TEST_CASE(every_truncation_is_refused) {
  for (const auto& f : {sample_batch({sample_record("{}")}), sample_claim(), sample_repair()}) {
    const auto bytes = encode_frame(f);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto h = read_header(std::string_view(bytes).substr(0, size));
      BOOST_TEST_REQUIRE(!h, "a frame of " << bytes.size() << " bytes was read from its first " << size);
      BOOST_TEST_REQUIRE(h.error().foreign == (size < 4));
    }
    BOOST_TEST(!read_header(bytes + '\0'));
  }
}

BOOST_AUTO_TEST_CASE(every_flipped_bit_is_refused) {
  for (const auto& f : {sample_batch({sample_record("{}")}), sample_claim(), sample_repair()}) {
    const auto bytes = encode_frame(f);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
      auto damaged = bytes;
      damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
      const auto h = read_header(damaged);
      BOOST_TEST_REQUIRE(!h, "bit " << bit << " was flipped unnoticed");
      BOOST_TEST_REQUIRE(h.error().foreign == (bit < 32));
    }
  }
}

BOOST_AUTO_TEST_CASE(damaged_bytes_may_belong_to_the_journal_they_name) {
  const auto f = sample_batch({sample_record("{}")});
  const auto bytes = encode_frame(f);
  journal_id other;
  other.bytes.fill(0x12);
  BOOST_TEST(may_belong_to(bytes, f.journal));
  BOOST_TEST(!may_belong_to(bytes, other));
  BOOST_TEST(may_belong_to(std::string_view(bytes).substr(0, 20), other));
  BOOST_TEST(may_belong_to("XSTR" + bytes.substr(4), f.journal));
  BOOST_TEST(!may_belong_to("something else", f.journal));
  BOOST_TEST(!may_belong_to("", f.journal));
}

BOOST_AUTO_TEST_CASE(bytes_that_do_not_begin_like_a_frame_are_foreign) {
  const auto h = read_header("hello");
  BOOST_REQUIRE(!h);
  BOOST_TEST(h.error().foreign);
  BOOST_TEST(h.error().text == "it does not begin like a frame");
}

BOOST_AUTO_TEST_CASE(an_unknown_format_is_named) {
  const auto h = read_header(with_byte(encode_frame(sample_claim()), 4, 9));
  BOOST_REQUIRE(!h);
  BOOST_TEST(h.error().text == "frame format 9 is not known to this version, which reads format 1");
}

BOOST_AUTO_TEST_CASE(a_wrong_size_is_named) {
  const auto bytes = encode_frame(sample_claim());
  const auto h = read_header(std::string_view(bytes).substr(0, 100));
  BOOST_REQUIRE(!h);
  BOOST_TEST(h.error().text == "it is 100 bytes long and says it has " + std::to_string(bytes.size()));
}

BOOST_AUTO_TEST_CASE(a_wrong_checksum_is_named) {
  auto bytes = encode_frame(sample_claim());
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  BOOST_TEST(read_header(bytes).error().text == "its checksum is wrong");
}

BOOST_AUTO_TEST_CASE(an_unknown_kind_is_named) {
  const auto h = read_header(with_byte(encode_frame(sample_claim()), 6, 4));
  BOOST_REQUIRE(!h);
  BOOST_TEST(h.error().text == "frame kind 4 is not known to this version");
}

BOOST_AUTO_TEST_CASE(a_node_name_beyond_the_end_is_refused) {
  constexpr std::size_t node_size_offset = 12 + 16 + 4 + 8 + 16 + 8 + 4 + 32 + 8;
  const auto h = read_header(with_byte(encode_frame(sample_claim()), node_size_offset + 1, 0x7f));
  BOOST_REQUIRE(!h);
  BOOST_TEST(h.error().text == "it ends before its header does");
}

BOOST_AUTO_TEST_CASE(fewer_or_more_records_than_counted_are_refused) {
  constexpr std::size_t count_offset = 12 + 16 + 4 + 8 + 16 + 8;
  const auto bytes = encode_frame(sample_batch({sample_record("{}"), sample_record("{}")}));
  const auto three = with_byte(bytes, count_offset, 3);
  BOOST_TEST(read_records(*read_header(three)).error().text == "record 2 of 3 cannot be read");
  const auto one = with_byte(bytes, count_offset, 1);
  BOOST_TEST(read_records(*read_header(one)).error().text == "there are bytes behind its last record");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::events
