#include "connectors/storage/embedded_journal.hpp"
#include "connectors/storage/embedded_keyring.hpp"
#include "connectors/storage/journal_rows.hpp"
#include "connectors/storage/wal_check.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/fake_entropy.hpp"
#include "tests/support/files.hpp"
#include "tests/support/frames.hpp"
#include "tests/support/temporary_directory.hpp"

#include <boost/test/unit_test.hpp>
#include <rocksdb/db.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <limits>
#include <spawn.h>
#include <unistd.h>

/// What the embedded journal does beyond the conformance suite: torn ends, damage, and directories that are not its
/// own.
namespace muster::tests {

namespace fs = std::filesystem;
using connectors::embedded_journal_options;
using connectors::open_embedded_journal;
using engine::append_outcome;
using engine::errc;
using engine::outgoing_frame;
using events::log_offset;
using events::shard_id;

namespace {

embedded_journal_options options_for(const fs::path& directory, std::uint32_t shards = 2) {
  static fake_entropy entropy;
  embedded_journal_options options;
  options.directory = directory;
  options.shards = shards;
  options.master_key_fingerprint = test_journal().master_key_fingerprint;
  options.create_if_missing = true;
  options.entropy = &entropy;
  options.recent_bytes_max = 1;
  options.fatal = [](const std::string& why) { BOOST_ERROR("the journal gave up: " + why); };
  return options;
}

std::unique_ptr<engine::journal> open(const embedded_journal_options& options) {
  auto opened = open_embedded_journal(options);
  BOOST_REQUIRE_MESSAGE(opened, (opened ? "" : opened.error().text));
  return std::move(*opened);
}

engine::error refusal(const embedded_journal_options& options) {
  const auto opened = open_embedded_journal(options);
  BOOST_REQUIRE(!opened);
  BOOST_TEST_MESSAGE(opened.error().text);
  return opened.error();
}

append_outcome append(engine::journal& journal, std::uint64_t number, std::size_t bytes = 100,
                      shard_id shard = shard_id(0)) {
  outgoing_frame frame{shard, batch_frame(journal.identity().id, shard, number, bytes)};
  return engine::append_and_wait(journal, {std::move(frame)}).front();
}

/// A closed journal with `count` frames in shard 0, each from an append of its own.
void make_journal(const fs::path& directory, std::uint64_t count, std::size_t bytes = 100) {
  const auto journal = open(options_for(directory));
  for (std::uint64_t number = 0; number < count; ++number)
    BOOST_REQUIRE((append(*journal, number, bytes) == append_outcome::durable));
}

std::uint64_t end_of(engine::journal& journal) {
  return journal.end(shard_id(0))->value();
}

/// How many frames can be read before the end or the first fault.
struct reading {
  std::uint64_t frames = 0;
  std::optional<engine::error> fault;
};

reading read_to_end(engine::journal& journal, shard_id shard = shard_id(0)) {
  reading out;
  while (true) {
    auto page = journal.read(shard, log_offset(out.frames), 4000);
    if (!page) {
      out.fault = page.error();
      BOOST_TEST_MESSAGE(out.fault->text);
      return out;
    }
    if (page->empty()) return out;
    out.frames += page->size();
  }
}

bool says(const engine::error& error, std::string_view text) {
  return error.text.find(text) != std::string::npos;
}

/// The write-ahead log with the appended frames.
fs::path log_of(const fs::path& directory) {
  const auto logs = files_in(directory, ".log");
  BOOST_REQUIRE(!logs.empty());
  return logs.back();
}

void flip(const fs::path& file, std::size_t at, char bits = 1) {
  auto bytes = read_file(file);
  BOOST_REQUIRE_LT(at, bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ bits);
  write_file(file, bytes);
}

constexpr std::uint64_t starts_to_merge = 10;  // each leaves a table, and so many are too many for RocksDB

fs::path largest_table(const fs::path& directory) {
  const auto tables = files_in(directory, ".sst");
  BOOST_REQUIRE(!tables.empty());
  return *std::ranges::max_element(tables, {}, [](const auto& file) { return fs::file_size(file); });
}

std::size_t place_of(const fs::path& file, std::string_view text) {
  const auto place = read_file(file).find(text);
  BOOST_REQUIRE(place != std::string::npos);
  return place;
}

std::unique_ptr<rocksdb::DB> open_raw(const fs::path& directory) {
  rocksdb::Options options;
  options.create_if_missing = true;
  rocksdb::DB* db = nullptr;
  BOOST_REQUIRE(rocksdb::DB::Open(options, directory.string(), &db).ok());
  return std::unique_ptr<rocksdb::DB>(db);
}

/// Runs one case of this suite in a process of its own and waits for it; its status as of waitpid(2).
int run_second_process(const std::string& name, std::vector<std::string> case_arguments) {
  std::vector<std::string> words{"muster_tests", "--run_test=embedded_journal/" + name, "--"};
  words.insert(words.end(), case_arguments.begin(), case_arguments.end());
  std::vector<char*> arguments;
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  pid_t child = 0;
  BOOST_REQUIRE_EQUAL(posix_spawn(&child, "/proc/self/exe", nullptr, nullptr, arguments.data(), environ), 0);
  int status = 0;
  BOOST_REQUIRE_EQUAL(waitpid(child, &status, 0), child);
  return status;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(embedded_journal)

BOOST_AUTO_TEST_CASE(a_torn_end_is_dropped_and_what_was_synced_before_stays) {
  const temporary_directory scratch;
  make_journal(scratch / "whole", 20);
  const auto last = batch_frame(open(options_for(scratch / "whole"))->identity().id, shard_id(0), 19).size();
  // Reopening moved the frames out of the write-ahead log: each cut starts from a journal of its own.
  for (const std::size_t cut : {std::size_t{1}, std::size_t{20}, last - 1, last + 10}) {
    const auto directory = scratch / ("cut" + std::to_string(cut));
    make_journal(directory, 20);
    const auto log = log_of(directory);
    fs::resize_file(log, fs::file_size(log) - cut);
    const auto journal = open(options_for(directory));
    BOOST_TEST(end_of(*journal) == 19U);
    BOOST_TEST((append(*journal, 19) == append_outcome::durable));
    const auto read = read_to_end(*journal);
    BOOST_TEST(read.frames == 20U);
    BOOST_TEST(!read.fault);
  }
}

BOOST_AUTO_TEST_CASE(an_append_is_torn_as_a_whole) {
  const temporary_directory scratch;
  {
    const auto journal = open(options_for(scratch / "journal"));
    append(*journal, 0);
    std::vector<outgoing_frame> frames;
    for (const std::uint64_t shard : {0, 1, 0, 1}) {
      frames.push_back({shard_id(shard), batch_frame(journal->identity().id, shard_id(shard), 1, 20'000)});
    }
    engine::append_and_wait(*journal, frames);
  }
  const auto log = log_of(scratch / "journal");
  fs::resize_file(log, fs::file_size(log) - 100);
  const auto journal = open(options_for(scratch / "journal"));
  BOOST_TEST(end_of(*journal) == 1U);
  BOOST_TEST(journal->end(shard_id(1))->value() == 0U);
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_in_the_middle_of_the_log_is_refused_and_nothing_changes) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 20);
  const auto log = log_of(scratch / "journal");
  const auto place = place_of(log, "frame 10 ");
  flip(log, place);
  for (int i = 0; i < 2; ++i) {
    const auto error = refusal(options_for(scratch / "journal"));
    BOOST_TEST((error.code == errc::corrupt));
    BOOST_TEST(says(error, log.filename().string()));
  }
  flip(log, place);
  BOOST_TEST(read_to_end(*open(options_for(scratch / "journal"))).frames == 20U);
}

BOOST_AUTO_TEST_CASE(a_damaged_length_in_the_middle_of_the_log_is_not_taken_for_a_torn_end) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 20);
  const auto log = log_of(scratch / "journal");
  // The record's header: 7 bytes before the batch, which has a header of 12, a row's tag, key size, key and value size
  // of 2.
  const auto size_high = place_of(log, "MSTR") - 2 - 12 - 1 - 1 - 12 - 7 + 5;
  flip(log, size_high, 0x40);
  BOOST_TEST((refusal(options_for(scratch / "journal")).code == errc::corrupt));
  // And a header that was never written, which RocksDB takes for space it has set aside.
  flip(log, size_high, 0x40);
  auto bytes = read_file(log);
  bytes.replace(size_high - 5, 7, 7, '\0');
  write_file(log, bytes);
  BOOST_TEST((refusal(options_for(scratch / "journal")).code == errc::corrupt));
}

BOOST_AUTO_TEST_CASE(a_flipped_byte_in_a_table_stops_the_reader_at_that_frame) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 500, 1000);
  open(options_for(scratch / "journal"));  // moves the frames into a table
  const auto table = largest_table(scratch / "journal");
  flip(table, fs::file_size(table) / 2);
  const auto journal = open(options_for(scratch / "journal"));
  BOOST_TEST(end_of(*journal) == 500U);
  const auto first = read_to_end(*journal);
  BOOST_REQUIRE(first.fault);
  BOOST_TEST((first.fault->code == errc::corrupt));
  BOOST_TEST(first.frames > 100U);
  BOOST_TEST(first.frames < 400U);
  BOOST_TEST(says(*first.fault, "shard 0, offset " + std::to_string(first.frames) + ":"));
  BOOST_TEST((append(*journal, 500) == append_outcome::durable));
  // From now on whoever reads this shard is told, wherever he reads.
  BOOST_TEST(journal->read(shard_id(0), log_offset(490), 1 << 20).error().text == first.fault->text);
  BOOST_TEST(journal->end(shard_id(0)).error().text == first.fault->text);
}

BOOST_AUTO_TEST_CASE(damage_in_a_table_costs_its_shard_at_every_start_and_no_other) {
  const temporary_directory scratch;
  const auto options = options_for(scratch / "journal", 3);
  {
    const auto journal = open(options);
    for (std::uint64_t shard = 0; shard < 3; ++shard) {
      for (std::uint64_t number = 0; number < 100; ++number) append(*journal, number, 2000, shard_id(shard));
    }
  }
  open(options);  // moves the frames into a table
  const auto table = largest_table(scratch / "journal");
  flip(table, fs::file_size(table) / 2);
  // Each start leaves one table more, so that RocksDB comes to merge them, and meets the damage.
  for (std::uint64_t start = 0; start < starts_to_merge; ++start) {
    const auto journal = open(options);
    for (const std::uint64_t shard : {0U, 2U}) {
      BOOST_TEST((append(*journal, 100 + start, 100, shard_id(shard)) == append_outcome::durable));
      const auto read = read_to_end(*journal, shard_id(shard));
      BOOST_TEST(read.frames == 101 + start);
      BOOST_TEST(!read.fault);
    }
    const auto fault = read_to_end(*journal, shard_id(1)).fault;
    BOOST_REQUIRE(fault);
    BOOST_TEST((fault->code == errc::corrupt));
    BOOST_TEST(says(*fault, "shard 1, offset "));
  }
}

BOOST_AUTO_TEST_CASE(merging_tables_that_are_damaged_stops_the_shard_they_belong_to_though_nobody_reads) {
  const temporary_directory scratch;
  const auto options = options_for(scratch / "journal");
  make_journal(scratch / "journal", 100, 2000);
  append(*open(options), 0, 100, shard_id(1));
  open(options);
  const auto table = largest_table(scratch / "journal");
  flip(table, fs::file_size(table) / 2);
  // Tables of both shards overlap, so that they are not only moved.
  for (std::uint64_t start = 1; start < starts_to_merge; ++start) {
    const auto journal = open(options);
    for (const std::uint64_t shard : {0U, 1U}) append(*journal, start, 100, shard_id(shard));
  }
  const auto journal = open(options);
  BOOST_REQUIRE(eventually([&] { return !journal->end(shard_id(0)); }));
  const auto error = journal->end(shard_id(0)).error();
  BOOST_TEST((error.code == errc::corrupt));
  BOOST_TEST(says(error, "shard 0, offset "));
  BOOST_TEST((append(*journal, 99, 100, shard_id(1)) == append_outcome::durable));
  BOOST_TEST(read_to_end(*journal, shard_id(1)).frames == starts_to_merge + 1);
}

BOOST_AUTO_TEST_CASE(damage_that_one_reader_meets_wakes_the_fold_of_its_shard) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 20);
  open_raw(scratch / "journal")->Delete({}, connectors::embedded_journal_key(shard_id(0), log_offset(12)));
  const auto journal = open(options_for(scratch / "journal"));
  std::vector<std::uint64_t> woken;
  journal->on_arrival([&](shard_id shard) { woken.push_back(shard.value()); });
  BOOST_TEST(journal->read(shard_id(0), log_offset(20), 1 << 20).has_value());
  BOOST_TEST(woken.empty());
  BOOST_TEST(!journal->read(shard_id(0), log_offset(12), 1 << 20));
  BOOST_TEST(woken == std::vector<std::uint64_t>{0}, boost::test_tools::per_element());
  BOOST_TEST(says(journal->read(shard_id(0), log_offset(20), 1 << 20).error(), "shard 0, offset 12"));
  BOOST_TEST(journal->read(shard_id(1), log_offset(0), 1 << 20)->empty());
}

BOOST_AUTO_TEST_CASE(a_frame_that_is_missing_is_reported_and_never_skipped) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 20);
  open_raw(scratch / "journal")->Delete({}, connectors::embedded_journal_key(shard_id(0), log_offset(12)));
  for (int i = 0; i < 2; ++i) {
    const auto read = read_to_end(*open(options_for(scratch / "journal")));
    BOOST_TEST(read.frames == 12U);
    BOOST_REQUIRE(read.fault);
    BOOST_TEST((read.fault->code == errc::corrupt));
    BOOST_TEST(says(*read.fault, "shard 0, offset 12: the frame is missing; the next one there is at offset 13"));
  }
}

BOOST_AUTO_TEST_CASE(a_missing_frame_right_before_the_end_is_found_at_once_and_is_the_fault_of_its_shard_alone) {
  const temporary_directory scratch;
  const auto options = options_for(scratch / "journal", 2);
  {
    const auto journal = open(options);
    for (std::uint64_t number = 0; number < 20; ++number) append(*journal, number);
  }
  open_raw(scratch / "journal")->Delete({}, connectors::embedded_journal_key(shard_id(0), log_offset(18)));
  const auto journal = open(options);
  const auto error = journal->end(shard_id(0)).error();
  BOOST_TEST((error.code == errc::corrupt));
  BOOST_TEST(says(error, "shard 0, offset 18"));
  BOOST_TEST((journal->read(shard_id(0), log_offset(0), 1).error().code == errc::corrupt));
  BOOST_TEST((append(*journal, 0, 100, shard_id(1)) == append_outcome::durable));
  BOOST_TEST(journal->end(shard_id(1)).value().value() == 1U);
}

BOOST_AUTO_TEST_CASE(a_frame_whose_own_checksum_is_wrong_is_reported_and_never_skipped) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 20);
  auto frame = batch_frame(open(options_for(scratch / "journal"))->identity().id, shard_id(0), 5);
  frame[frame.size() / 2] ^= 1;
  open_raw(scratch / "journal")->Put({}, connectors::embedded_journal_key(shard_id(0), log_offset(5)), frame);
  const auto read = read_to_end(*open(options_for(scratch / "journal")));
  BOOST_TEST(read.frames == 5U);
  BOOST_REQUIRE(read.fault);
  BOOST_TEST((read.fault->code == errc::corrupt));
  BOOST_TEST(says(*read.fault, "shard 0, offset 5: the frame cannot be read: its checksum is wrong"));
}

BOOST_AUTO_TEST_CASE(a_directory_that_is_something_else_is_refused_and_left_alone) {
  const temporary_directory scratch;
  write_file(scratch / "file", "text");
  const auto file = refusal(options_for(scratch / "file"));
  BOOST_TEST((file.code == errc::invalid));
  BOOST_TEST(says(file, "is not a directory"));

  fs::create_directory(scratch / "home");
  write_file(scratch / "home" / "letter", "text");
  const auto home = refusal(options_for(scratch / "home"));
  BOOST_TEST((home.code == errc::invalid));
  BOOST_TEST(says(home, "is not empty and holds no journal"));

  open_raw(scratch / "rocksdb")->Put({}, "key", "value");
  const auto raw = refusal(options_for(scratch / "rocksdb"));
  BOOST_TEST((raw.code == errc::invalid));
  BOOST_TEST(says(raw, "that is no journal of Muster"));
  std::string value;
  open_raw(scratch / "rocksdb")->Get({}, "key", &value);
  BOOST_TEST(value == "value");

  fake_entropy entropy;
  BOOST_REQUIRE(
      connectors::open_embedded_keyring({scratch / "keyring", engine::data_key(std::string(32, 'k')), &entropy, true}));
  BOOST_TEST(says(refusal(options_for(scratch / "keyring")), "holds a keyring, not a journal"));

  auto absent = options_for(scratch / "nothing");
  absent.create_if_missing = false;
  BOOST_TEST((refusal(absent).code == errc::not_found));
  BOOST_TEST(!fs::exists(scratch / "nothing"));
}

BOOST_AUTO_TEST_CASE(a_newer_format_is_refused) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 1);
  {
    const auto db = open_raw(scratch / "journal");
    std::string row;
    BOOST_REQUIRE(db->Get({}, "\xff\xff\xff\xffidentity", &row).ok());
    row.replace(row.find("format=1"), 8, "format=2");
    db->Put({}, "\xff\xff\xff\xffidentity", row);
  }
  const auto error = refusal(options_for(scratch / "journal"));
  BOOST_TEST((error.code == errc::invalid));
  BOOST_TEST(says(error, "has format 2, and this version reads format 1"));
}

BOOST_AUTO_TEST_CASE(another_number_of_shards_is_refused_and_none_takes_what_is_there) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 1);
  auto options = options_for(scratch / "journal", 3);
  const auto error = refusal(options);
  BOOST_TEST((error.code == errc::invalid));
  BOOST_TEST(says(error, "has 2 shards, and 3 were asked for"));
  BOOST_TEST(says(error, "leave journal.shards out"));
  options.shards.reset();
  options.master_key_fingerprint.reset();
  BOOST_TEST(open(options)->identity().shards == 2U);
  BOOST_TEST((refusal(options_for(scratch / "none", 0)).code == errc::invalid));
}

BOOST_AUTO_TEST_CASE(a_foreign_master_key_is_refused) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 1);
  auto options = options_for(scratch / "journal");
  options.master_key_fingerprint->fill(0x77);
  const auto error = refusal(options);
  BOOST_TEST((error.code == errc::invalid));
  BOOST_TEST(says(error, "fingerprint 4b4b4b"));
  BOOST_TEST(says(error, "the one given has 777777"));
}

BOOST_AUTO_TEST_CASE(two_journals_have_two_ids) {
  const temporary_directory scratch;
  BOOST_TEST((open(options_for(scratch / "a"))->identity().id != open(options_for(scratch / "b"))->identity().id));
}

BOOST_AUTO_TEST_CASE(an_empty_directory_becomes_a_journal_and_leaves_no_drafts) {
  const temporary_directory scratch;
  fs::create_directory(scratch / "journal");
  make_journal(scratch / "journal/", 3);
  BOOST_TEST(std::distance(fs::directory_iterator(scratch.path()), {}) == 1);
}

BOOST_AUTO_TEST_CASE(the_same_process_cannot_open_it_twice) {
  const temporary_directory scratch;
  const auto journal = open(options_for(scratch / "journal"));
  const auto error = refusal(options_for(scratch / "journal"));
  BOOST_TEST((error.code == errc::unavailable));
  BOOST_TEST(says(error, "this process already uses"));
  BOOST_TEST((append(*journal, 0) == append_outcome::durable));
}

// Runs only as the second process of the case below: its arguments are the directory, and the file for the answer.
BOOST_AUTO_TEST_CASE(opening_in_a_second_process, *boost::unit_test::disabled()) {
  const auto& suite = boost::unit_test::framework::master_test_suite();
  BOOST_REQUIRE_EQUAL(suite.argc, 3);
  const auto opened = open_embedded_journal(options_for(suite.argv[1]));
  write_file(suite.argv[2], opened ? "opened" : opened.error().text);
}

BOOST_AUTO_TEST_CASE(a_second_process_is_refused_and_told_who_has_it) {
  const temporary_directory scratch;
  const auto directory = (scratch / "journal").string();
  const auto answer_file = (scratch / "answer").string();
  const auto ask_second_process = [&] {
    BOOST_TEST(run_second_process("opening_in_a_second_process", {directory, answer_file}) == 0);
    return read_file(answer_file);
  };
  {
    const auto journal = open(options_for(directory));
    const auto answer = ask_second_process();
    BOOST_TEST_MESSAGE(answer);
    BOOST_TEST(answer.starts_with("another process (pid " + std::to_string(getpid()) + ") uses " + directory));
    BOOST_TEST((append(*journal, 0) == append_outcome::durable));
  }
  BOOST_TEST(ask_second_process() == "opened");
}

BOOST_AUTO_TEST_CASE(little_free_space_refuses_appends_and_nothing_else) {
  const temporary_directory scratch;
  make_journal(scratch / "journal", 3);
  auto options = options_for(scratch / "journal");
  options.free_bytes_min = std::numeric_limits<std::uint64_t>::max();
  {
    const auto journal = open(options);
    BOOST_TEST((append(*journal, 3) == append_outcome::refused));
    BOOST_TEST(read_to_end(*journal).frames == 3U);
  }
  BOOST_TEST(end_of(*open(options_for(scratch / "journal"))) == 3U);
}

namespace {

/// A file system of its own with little space, or nothing if it may not be mounted here.
class small_disk {
public:
  explicit small_disk(fs::path place) : place_(std::move(place)) {
    fs::create_directory(place_);
    mounted_ = mount("muster-test", place_.c_str(), "tmpfs", 0, "size=12m") == 0;
    if (!mounted_) BOOST_TEST_MESSAGE("skipped: no small file system can be mounted here: " << std::strerror(errno));
  }
  small_disk(const small_disk&) = delete;
  small_disk& operator=(const small_disk&) = delete;
  ~small_disk() {
    if (mounted_) umount(place_.c_str());
  }
  bool mounted() const { return mounted_; }

private:
  fs::path place_;
  bool mounted_ = false;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_disk_that_fills_up_refuses_and_takes_appends_again_when_there_is_room) {
  const temporary_directory scratch;
  const small_disk disk(scratch / "disk");
  if (!disk.mounted()) return;
  write_file(scratch / "disk/ballast", std::string(3 << 20, 'x'));
  auto options = options_for(scratch / "disk/journal");
  options.free_bytes_min = 4 << 20;
  const auto journal = open(options);
  std::uint64_t durable = 0;
  while (durable < 1000 && append(*journal, durable, 50'000) == append_outcome::durable) ++durable;
  BOOST_TEST(durable > 50U);
  BOOST_TEST(durable < 150U);
  BOOST_TEST((append(*journal, durable, 50'000) == append_outcome::refused));
  BOOST_TEST(read_to_end(*journal).frames == durable);
  fs::remove(scratch / "disk/ballast");
  BOOST_TEST((append(*journal, durable, 50'000) == append_outcome::durable));
  BOOST_TEST(read_to_end(*journal).frames == durable + 1);
}

namespace {

/// As long as it lives, no file of this process grows beyond `bytes`: writes fail with EFBIG.
class file_size_limit {
public:
  explicit file_size_limit(std::uint64_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    auto limited = before_;
    limited.rlim_cur = bytes;
    BOOST_REQUIRE_EQUAL(setrlimit(RLIMIT_FSIZE, &limited), 0);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;
  ~file_size_limit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

private:
  rlimit before_{};
  sighandler_t handler_;
};

}  // namespace

BOOST_AUTO_TEST_CASE(a_write_that_fails_is_fatal_never_repeated_and_costs_nothing_that_was_durable) {
  const temporary_directory scratch;
  auto options = options_for(scratch / "journal");
  std::vector<std::string> reasons;
  options.fatal = [&](const std::string& why) { reasons.push_back(why); };
  {
    const auto journal = open(options);
    for (std::uint64_t number = 0; number < 20; ++number)
      BOOST_TEST((append(*journal, number, 5000) == append_outcome::durable));
    {
      const file_size_limit limit(fs::file_size(log_of(scratch / "journal")) + 1000);
      BOOST_TEST((append(*journal, 20, 5000) == append_outcome::unknown));
    }
    BOOST_REQUIRE_EQUAL(reasons.size(), 1U);
    BOOST_TEST_MESSAGE(reasons.front());
    BOOST_TEST(end_of(*journal) == 20U);
    BOOST_TEST((append(*journal, 21, 10) == append_outcome::unknown));
    BOOST_TEST(reasons.size() == 1U);
  }
  const auto read = read_to_end(*open(options_for(scratch / "journal")));
  BOOST_TEST(read.frames == 20U);
  BOOST_TEST(!read.fault);
}

// Runs only as the second process of the case below: its argument is the directory.
BOOST_AUTO_TEST_CASE(failing_in_a_second_process, *boost::unit_test::disabled()) {
  const auto& suite = boost::unit_test::framework::master_test_suite();
  BOOST_REQUIRE_EQUAL(suite.argc, 2);
  auto options = options_for(suite.argv[1]);
  options.fatal = nullptr;
  const auto journal = open(options);
  append(*journal, 0, 5000);
  const file_size_limit limit(fs::file_size(log_of(suite.argv[1])) + 1000);
  append(*journal, 1, 5000);
}

BOOST_AUTO_TEST_CASE(a_write_that_fails_ends_the_process) {
  const temporary_directory scratch;
  const int status = run_second_process("failing_in_a_second_process", {(scratch / "journal").string()});
  BOOST_REQUIRE(WIFEXITED(status));
  BOOST_TEST(WEXITSTATUS(status) == 70);
  BOOST_TEST(end_of(*open(options_for(scratch / "journal"))) == 1U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace muster::tests
