#include "engine/fold.hpp"
#include "events/codec.hpp"
#include "tests/events/samples.hpp"

#include <boost/test/unit_test.hpp>

using namespace muster;
using namespace muster::engine;

namespace {

const events::stream_name streams[] = {*events::stream_name::parse("directory"),
                                       *events::stream_name::parse("0ne00000001/service"),
                                       *events::stream_name::parse("0ne00000001/groups/a"),
                                       *events::stream_name::parse("0ne00000001/devices/a"),
                                       *events::stream_name::parse("0ne00000001/hubs/h/a"),
                                       *events::stream_name::parse("0ne00000001/refusals")};

shard::accepted_frame frame_of(const events::recorded_event& e) {
  shard::accepted_frame frame;
  frame.offset = events::log_offset(7);
  frame.time = e.meta.time;
  frame.records.push_back({e.meta, events::to_json(e.data), {}});
  return frame;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(folds)

BOOST_AUTO_TEST_CASE(every_event_belongs_on_its_stream_and_on_no_other) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto kind = [](std::string_view subject) { return subject.substr(0, subject.find('/')); };
    for (const auto& stream : streams) {
      const bool also_a_refusal =
          std::holds_alternative<events::registration_refused>(recorded.data) && stream.subject() == "refusals";
      BOOST_TEST(belongs_on(recorded.data, stream) ==
                     (also_a_refusal || kind(stream.subject()) == kind(recorded.meta.stream.subject())),
                 name << " on " << stream.text());
    }
  }
}

BOOST_AUTO_TEST_CASE(the_events_of_a_frame_are_read_with_their_envelopes) {
  for (const auto& [name, recorded] : tests::event_samples()) {
    const auto folded = read_events(frame_of(recorded));
    BOOST_TEST_REQUIRE(folded.has_value(), name);
    BOOST_TEST(folded->offset.value() == 7U);
    BOOST_TEST((folded->time == recorded.meta.time));
    BOOST_TEST_REQUIRE(folded->events.size() == 1U);
    BOOST_TEST(folded->events.front().meta.sequence.value() == recorded.meta.sequence.value());
    BOOST_TEST(events::to_json(folded->events.front().data) == events::to_json(recorded.data));
  }
}

BOOST_AUTO_TEST_CASE(an_event_of_an_unknown_type_stops_the_shard_and_is_named) {
  auto frame = frame_of(tests::event_samples().front().recorded);
  frame.records.front().meta.type = "muster.service_placed.v2";
  const auto folded = read_events(std::move(frame));
  BOOST_TEST_REQUIRE(!folded.has_value());
  BOOST_TEST((folded.error().code == errc::corrupt));
  BOOST_TEST(folded.error().text ==
             "event 1 of stream directory cannot be read: unknown event type 'muster.service_placed.v2'");
}

BOOST_AUTO_TEST_CASE(an_event_whose_data_is_not_what_its_type_demands_stops_the_shard) {
  auto frame = frame_of(tests::event_samples().front().recorded);
  frame.records.front().data = "{}";
  const auto folded = read_events(std::move(frame));
  BOOST_TEST_REQUIRE(!folded.has_value());
  BOOST_TEST((folded.error().code == errc::corrupt));
  BOOST_TEST(folded.error().text ==
             "event 1 of stream directory cannot be read: muster.service_placed.v1: member 'name' is missing");
}

BOOST_AUTO_TEST_CASE(an_event_on_a_stream_where_it_does_not_belong_stops_the_shard) {
  auto frame = frame_of(tests::event_samples().front().recorded);
  frame.records.front().meta.stream = *events::stream_name::parse("0ne00000001/service");
  const auto folded = read_events(std::move(frame));
  BOOST_TEST_REQUIRE(!folded.has_value());
  BOOST_TEST((folded.error().code == errc::corrupt));
  BOOST_TEST(folded.error().text ==
             "event 1 of stream 0ne00000001/service has type muster.service_placed.v1, which does not belong there");
}

BOOST_AUTO_TEST_CASE(the_events_of_a_batch_are_read_from_its_bytes) {
  const auto recorded = tests::event_samples().front().recorded;
  events::frame batch;
  batch.first_sequence = recorded.meta.sequence;
  batch.time = recorded.meta.time;
  batch.records.push_back({recorded.meta, events::to_json(recorded.data), {}});
  const auto bytes = events::encode_frame(batch);
  const auto folded = read_events(*events::read_header(bytes), events::log_offset(7), {});
  BOOST_TEST_REQUIRE(folded.has_value());
  BOOST_TEST(folded->offset.value() == 7U);
  BOOST_TEST_REQUIRE(folded->events.size() == 1U);
  const auto& e = folded->events.front();
  BOOST_TEST(e.meta.stream.text() == recorded.meta.stream.text());
  BOOST_TEST(e.meta.sequence.value() == recorded.meta.sequence.value());
  BOOST_TEST(events::to_json(e.data) == events::to_json(recorded.data));
}

BOOST_AUTO_TEST_CASE(a_batch_whose_records_cannot_be_read_stops_the_shard) {
  events::frame_header header;
  header.count = 1;
  const auto folded = read_events(header, events::log_offset(7), {});
  BOOST_TEST_REQUIRE(!folded.has_value());
  BOOST_TEST((folded.error().code == errc::corrupt));
  BOOST_TEST(folded.error().text == "record 0 of 1 cannot be read");
}

BOOST_AUTO_TEST_CASE(a_frame_without_events_is_a_fold_of_none) {
  const auto folded = read_events(shard::accepted_frame{});
  BOOST_TEST_REQUIRE(folded.has_value());
  BOOST_TEST(folded->events.empty());
}

BOOST_AUTO_TEST_SUITE_END()
