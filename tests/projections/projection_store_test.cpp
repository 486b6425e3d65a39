#include "tests/projections/projection_fixture.hpp"

#include <fstream>
#include <iterator>
#include <map>

/// What projections on disk promise beyond the conformance suite: generations, reopening, damage.
namespace muster::tests {

namespace {

using ids = std::vector<std::string>;

std::vector<std::string> files_of(const std::filesystem::path& directory) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  return names;
}

std::map<std::string, std::string> contents_of(const std::filesystem::path& directory) {
  std::map<std::string, std::string> contents;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    auto& content = contents[entry.path().string()];
    if (!entry.is_regular_file()) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    content.assign(std::istreambuf_iterator<char>(file), {});
  }
  return contents;
}

std::unique_ptr<engine::projection_store> store_in(const std::filesystem::path& directory) {
  return std::move(projections::make_projection_store({.directory = directory}).value());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(projection_store)

BOOST_AUTO_TEST_CASE(memory_and_disk_hold_the_same_rows) {
  const auto frames = eventful_history(3, 300);
  memory_store memory;
  disk_store disk;
  const auto in_memory = memory.store->open(shard).value();
  const auto on_disk = disk.store->open(shard).value();
  apply_in_calls(*in_memory, frames, 10);
  apply_in_calls(*on_disk, frames, 17);
  BOOST_TEST(same_rows(memory.store->fingerprint_of(*in_memory).value(), disk.store->fingerprint_of(*on_disk).value()));
}

BOOST_AUTO_TEST_CASE(a_reopened_projection_continues_at_its_position) {
  const temporary_directory directory;
  const auto frames = eventful_history(5, 400);
  for (std::size_t at = 0; at < frames.size(); at += 100) {
    const auto store = store_in(directory.path());
    const auto view = store->open(shard).value();
    BOOST_TEST((view->position() == (at == 0 ? engine::log_position() : frames[at - 1].after)));
    const auto part = std::span(frames).subspan(at, std::min<std::size_t>(100, frames.size() - at));
    apply_in_calls(*view, part, 9);
  }
  memory_store whole;
  const auto in_memory = whole.store->open(shard).value();
  apply_in_calls(*in_memory, frames, 50);
  const auto store = store_in(directory.path());
  const auto view = store->open(shard).value();
  BOOST_TEST(same_rows(whole.store->fingerprint_of(*in_memory).value(), store->fingerprint_of(*view).value()));
}

BOOST_AUTO_TEST_CASE(a_switched_generation_survives_and_the_old_one_goes_with_its_last_reader) {
  const temporary_directory directory;
  const auto frames = eventful_history(13, 100);
  {
    const auto store = store_in(directory.path());
    auto old = store->open(shard).value();
    auto begun = store->begin_generation(shard).value();
    apply_in_calls(*begun, std::span(frames).first(50), 10);
    BOOST_TEST_REQUIRE(store->switch_generation(shard).has_value());
    apply_in_calls(*begun, std::span(frames).subspan(50), 10);
    BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000001", "gen-000002"}));
    old.reset();
    BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000002"}));
  }
  const auto store = store_in(directory.path());
  BOOST_TEST((store->open(shard).value()->position() == frames.back().after));
}

BOOST_AUTO_TEST_CASE(what_was_written_survives_a_killed_process) {
  const temporary_directory directory;
  const temporary_directory killed;
  const auto frames = eventful_history(31, 100);
  const auto store = store_in(directory.path());
  const auto begun = store->begin_generation(shard).value();
  apply_in_calls(*begun, std::span(frames).first(50), 10);
  BOOST_TEST_REQUIRE(store->switch_generation(shard).has_value());
  apply_in_calls(*begun, std::span(frames).subspan(50), 10);
  // The files as they are while the store is open: nothing was closed in order.
  std::filesystem::copy(directory.path(), killed.path(), std::filesystem::copy_options::recursive);
  const auto left = store_in(killed.path());
  const auto view = left->open(shard).value();
  BOOST_TEST(same_rows(store->fingerprint_of(*begun).value(), left->fingerprint_of(*view).value()));
}

BOOST_AUTO_TEST_CASE(a_rebuild_that_did_not_end_leaves_nothing) {
  const temporary_directory directory;
  const auto frames = eventful_history(17, 50);
  {
    const auto store = store_in(directory.path());
    const auto serving = store->open(shard).value();
    apply_in_calls(*serving, frames, 10);
    const auto begun = store->begin_generation(shard).value();
    apply_in_calls(*begun, std::span(frames).first(20), 10);
  }
  BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000001"}));
  std::filesystem::create_directory(directory / "shard-000" / "gen-000007");  // as a killed process leaves it
  const auto store = store_in(directory.path());
  BOOST_TEST((store->open(shard).value()->position() == frames.back().after));
  BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000001"}));
}

BOOST_AUTO_TEST_CASE(a_generation_that_is_let_go_is_gone) {
  const temporary_directory directory;
  const auto store = store_in(directory.path());
  const auto serving = store->open(shard).value();
  auto begun = store->begin_generation(shard).value();
  BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000001", "gen-000002"}));
  begun.reset();
  BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000001"}));
  BOOST_TEST((store->switch_generation(shard).error().code == engine::errc::not_found));
  begun = store->begin_generation(shard).value();  // which has the same name
  BOOST_TEST(store->switch_generation(shard).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_not_there_is_not_made_by_looking) {
  const temporary_directory directory;
  const auto below = directory / "projections";
  const auto store = store_in(below);
  BOOST_TEST(store->open_existing(shard).value() == nullptr);
  BOOST_TEST(!std::filesystem::exists(below));
  const auto serving = store->open(shard).value();
  BOOST_TEST(store->open_existing(shard).value() == serving);
}

BOOST_AUTO_TEST_CASE(looking_at_what_a_killed_process_left_changes_no_file) {
  const temporary_directory directory;
  const temporary_directory killed;
  const auto store = store_in(directory.path());
  const auto serving = store->open(shard).value();
  apply_in_calls(*serving, eventful_history(37, 100), 10);
  std::filesystem::copy(directory.path(), killed.path(), std::filesystem::copy_options::recursive);
  const auto before = contents_of(killed.path());
  {
    const auto left = store_in(killed.path());
    const auto seen = left->open_existing(shard).value();
    BOOST_TEST_REQUIRE(seen != nullptr);
    BOOST_TEST(same_rows(store->fingerprint_of(*serving).value(), left->fingerprint_of(*seen).value()));
  }
  BOOST_TEST((contents_of(killed.path()) == before));
}

BOOST_AUTO_TEST_CASE(rows_of_another_format_are_made_anew) {
  const temporary_directory directory;
  const auto frames = eventful_history(19, 20);
  const engine::reaction_state far{events::log_sequence(7), {}, "no answer", {}, {}};
  {
    const auto before = store_in(directory.path());
    const auto view = before->open(shard).value();
    apply_in_calls(*view, frames, 10);
    BOOST_TEST_REQUIRE(view->keep_reaction("feed", far).has_value());
  }
  std::ofstream(directory / "shard-000" / "CURRENT") << "0 gen-000001\n";
  const auto store = store_in(directory.path());
  const auto view = store->open(shard).value();
  BOOST_TEST((view->position() == engine::log_position()));
  BOOST_TEST((view->reaction("feed").value() == far), "what was sent is not sent again after an upgrade");
  BOOST_TEST((files_of(directory / "shard-000") == ids{"CURRENT", "gen-000002"}));
}

BOOST_AUTO_TEST_CASE(a_damaged_generation_or_pointer_is_corrupt) {
  const temporary_directory directory;
  apply_in_calls(*store_in(directory.path())->open(shard).value(), eventful_history(23, 20), 10);
  const auto generation = directory / "shard-000" / "gen-000001";
  for (const auto& entry : std::filesystem::directory_iterator(generation)) {
    const auto file = entry.path().filename().string();
    if (file.starts_with("MANIFEST")) std::filesystem::resize_file(entry.path(), 10);
  }
  BOOST_TEST((store_in(directory.path())->open(shard).error().code == engine::errc::corrupt));
  std::ofstream(directory / "shard-000" / "CURRENT") << "1 nonsense\n";
  BOOST_TEST((store_in(directory.path())->open(shard).error().code == engine::errc::corrupt));
}

BOOST_AUTO_TEST_CASE(shards_keep_their_rows_apart) {
  const temporary_directory directory;
  const auto store = store_in(directory.path());
  const auto first = store->open(events::shard_id(0)).value();
  const auto second = store->open(events::shard_id(15)).value();
  apply_in_calls(*first, eventful_history(29, 10), 1);
  BOOST_TEST((second->position() == engine::log_position()));
  BOOST_TEST((files_of(directory.path()) == ids{"shard-000", "shard-015"}));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
