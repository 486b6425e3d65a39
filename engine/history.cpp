#include "engine/history.hpp"

#include "engine/limits.hpp"
#include "engine/sealing.hpp"
#include "events/codec.hpp"

namespace muster::engine {

namespace {

// A page of a small tenant on a busy shard ends after so many bytes of frames, with `more`, rather than read for long.
constexpr std::size_t bytes_scanned_max = 64 * 1024 * 1024;
constexpr std::size_t page_bytes_max = 4 * 1024 * 1024;  // of events; what is beyond comes with the next page

// The records of a frame that was folded before: it is known to be sound, and still checked.
result<std::vector<events::event_record>> records_of(const log_record& frame) {
  const auto header = events::read_header(frame.bytes);
  if (!header)
    return fail(errc::corrupt,
                "the frame at offset " + std::to_string(frame.offset.value()) + ": " + header.error().text);
  if (header->kind != events::frame_kind::batch) return std::vector<events::event_record>();
  auto records = events::read_records(*header);
  if (!records)
    return fail(errc::corrupt,
                "the frame at offset " + std::to_string(frame.offset.value()) + ": " + records.error().text);
  return std::move(*records);
}

}  // namespace

result<history_entry> history::entry_of(events::event_record record, events::shard_id shard, bool personal) {
  history_entry entry{std::move(record.meta), shard, std::move(record.data), {}};
  if (!personal) return entry;
  const auto event = events::from_json(entry.meta.type, entry.data);
  if (!event) return fail(errc::corrupt, event.error().text);
  entry.data = events::to_json(
      *event, [&](std::string_view member, const events::sealed_text& box) -> std::optional<std::string> {
        if (!events::is_personal(member)) return std::nullopt;
        const auto key = keys_.find(box.key);
        const auto text = key ? unseal(*key, entry.meta.stream, member, box) : fail(errc::not_found, {});
        if (!text) return "null";  // erased with its key
        return member == "payload" ? *text : events::to_json_string(*text);
      });
  return entry;
}

bool wanted(const events::envelope& meta, const events::id_scope& scope, const event_filter& filter) {
  return meta.stream.scope() == scope.text() && (filter.types.empty() || filter.types.contains(meta.type)) &&
         (filter.subject.empty() || meta.stream.subject() == filter.subject);
}

bool wants_usage(const event_filter& filter) {
  return filter.usage && filter.subject.empty() &&
         (filter.types.empty() || filter.types.contains(events::usage_reported::type));
}

result<history_page> history::of_service(const events::id_scope& scope, const feed_place& after, std::size_t limit,
                                         bool personal, const event_filter& filter) {
  const auto snapshot = services_.find(scope).value;
  if (!snapshot) return fail(errc::not_found, "there is no service with ID scope " + scope.text());
  const auto shard = snapshot->shard;
  const auto view = services_.view(shard);
  if (!view) return fail(errc::unavailable, "shard " + std::to_string(shard.value()) + " is not open");
  history_page page{{}, after, false};
  std::size_t bytes = 0;
  // A page ends after so much, with `more`, however few of the events are wanted.
  for (std::size_t scanned = 0; scanned < bytes_scanned_max; scanned += limits::tail_read_bytes) {
    const auto frames = read_feed(log_, *view, shard, page.next.sequence, limits::tail_read_bytes);
    if (!frames) return std::unexpected(frames.error());
    std::deque<events::usage_reported> reports;
    if (wants_usage(filter)) {
      const auto before = frames->empty() ? page.next.sequence.next() : frames->back()->last();
      auto due = usage_between(*view, scope, page.next, before);
      if (!due) return std::unexpected(due.error());
      reports = std::move(*due);
    }
    // False if the page is full.
    const auto report_before = [&](events::log_sequence sequence) {
      for (; !reports.empty() && reports.front().sequence < sequence; reports.pop_front()) {
        if (page.entries.size() == limit) return false;
        page.next = place_of(reports.front());
        page.entries.push_back({{}, shard, {}, std::move(reports.front())});
      }
      return true;
    };
    if (frames->empty()) {
      page.more = !report_before(page.next.sequence.next());
      return page;
    }
    for (const auto& frame : *frames) {
      for (const auto& record : frame->records) {
        if (record.meta.sequence <= page.next.sequence) continue;
        if (!report_before(record.meta.sequence)) {
          page.more = true;
          return page;
        }
        const bool takes = wanted(record.meta, scope, filter);
        if (takes && (page.entries.size() == limit || bytes >= page_bytes_max)) {
          page.more = true;
          return page;
        }
        page.next = record.meta.sequence;
        if (!takes) continue;
        auto entry = entry_of(record, shard, personal);
        if (!entry) return std::unexpected(entry.error());
        bytes += entry->data.size();
        page.entries.push_back(std::move(*entry));
      }
    }
  }
  page.more = true;
  return page;
}

result<history_page> history::of_stream(const events::stream_name& stream, events::log_sequence after,
                                        std::size_t limit, bool personal) {
  const auto scope = events::id_scope::parse(stream.scope());
  const auto snapshot = scope ? services_.find(*scope).value : nullptr;
  const auto shard = snapshot ? snapshot->shard : events::shard_id();
  const auto view = services_.view(shard);
  if (!view) return fail(errc::unavailable, "shard " + std::to_string(shard.value()) + " is not open");
  const auto places = view->stream_events(stream, after, limit + 1);
  if (!places) return std::unexpected(places.error());
  history_page page{{}, after, places->size() > limit};
  std::size_t bytes = 0;
  std::size_t scanned = 0;
  for (const auto& place : *places) {
    if (page.entries.size() == limit) break;
    if (bytes >= page_bytes_max || scanned >= bytes_scanned_max) {
      page.more = true;
      break;
    }
    const auto frames = log_.read(shard, place.offset, 1);
    if (!frames) return std::unexpected(frames.error());
    if (frames->empty())
      return fail(errc::corrupt, "the frame at offset " + std::to_string(place.offset.value()) + " is gone");
    scanned += frames->front().bytes.size();
    auto records = records_of(frames->front());
    if (!records) return std::unexpected(records.error());
    if (place.index >= records->size())
      return fail(errc::corrupt, "the event index names an event that its frame does not have");
    auto entry = entry_of(std::move((*records)[place.index]), shard, personal);
    if (!entry) return std::unexpected(entry.error());
    page.next = entry->meta.sequence;
    bytes += entry->data.size();
    page.entries.push_back(std::move(*entry));
  }
  return page;
}

result<events::recorded_event> history::event_at(events::shard_id shard, events::log_sequence sequence) {
  const auto view = services_.view(shard);
  if (!view) return fail(errc::unavailable, "shard " + std::to_string(shard.value()) + " is not open");
  const auto offset = view->frame_of(sequence);
  if (!offset) return std::unexpected(offset.error());
  if (!*offset) return fail(errc::not_found, "there is no event " + std::to_string(sequence.value()));
  const auto frames = log_.read(shard, **offset, 1);
  if (!frames) return std::unexpected(frames.error());
  if (frames->empty())
    return fail(errc::corrupt, "the frame at offset " + std::to_string((*offset)->value()) + " is gone");
  auto records = records_of(frames->front());
  if (!records) return std::unexpected(records.error());
  for (auto& record : *records) {
    if (record.meta.sequence != sequence) continue;
    auto data = events::from_json(record.meta.type, record.data);
    if (!data) return fail(errc::corrupt, data.error().text);
    return events::recorded_event{std::move(record.meta), std::move(*data)};
  }
  return fail(errc::not_found, "there is no event " + std::to_string(sequence.value()));
}

}  // namespace muster::engine
