#include "tests/tidy_rules.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace muster::tests;

namespace {

/// Our own sources, read once.
const source_tree& our_sources() {
  static const auto sources = [] {
    source_tree read;
    const std::filesystem::path root = MUSTER_SOURCE_DIR;
    for (const auto* folder : {"events", "engine", "actors", "projections", "connectors", "tests", "bench"}) {
      for (const auto& file : std::filesystem::recursive_directory_iterator(root / folder)) {
        const auto extension = file.path().extension();
        if (extension != ".hpp" && extension != ".cpp") continue;
        std::ifstream in(file.path(), std::ios::binary);
        read[std::filesystem::relative(file.path(), root).generic_string()] = {std::istreambuf_iterator<char>(in),
                                                                               std::istreambuf_iterator<char>()};
      }
    }
    return read;
  }();
  return sources;
}

void check_none(const findings& found) {
  for (const auto& each : found) BOOST_ERROR(each);
}

/// The findings of `check` in one file.
template <class Check>
findings in(const Check& check, std::string path, std::string text) {
  return check(source_tree{{std::move(path), std::move(text)}});
}

/// What is wrong with a coroutine's body.
findings awaits(const std::string& body) {
  return in(check_awaits, "connectors/a.cpp", "task f() {\n  " + body + "\n}\n");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(tidy)

// Our sources
// ------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(our_sources_are_there_to_be_read) {
  BOOST_TEST(our_sources().size() > 100U);
  BOOST_TEST(our_sources().contains("engine/shard.cpp"));
}

BOOST_AUTO_TEST_CASE(our_layers_are_a_star) {
  check_none(check_layers(our_sources()));
}
BOOST_AUTO_TEST_CASE(our_libraries_are_included_where_they_belong) {
  check_none(check_third_party(our_sources()));
}
BOOST_AUTO_TEST_CASE(no_source_of_ours_sees_two_of_the_heavy_libraries) {
  check_none(check_translation_units(our_sources()));
}
BOOST_AUTO_TEST_CASE(clock_chance_environment_sleep_and_output_stay_in_their_homes) {
  check_none(check_banned_calls(our_sources()));
}
BOOST_AUTO_TEST_CASE(nothing_was_left_for_later) {
  check_none(check_leftovers(our_sources()));
}
BOOST_AUTO_TEST_CASE(no_co_await_of_ours_holds_what_the_compiler_destroys_twice) {
  check_none(check_awaits(our_sources()));
}

// The rules
// --------------------------------------------------------------------------------------------------------------

BOOST_AUTO_TEST_CASE(inner_layers_must_not_include_outer_ones) {
  BOOST_TEST(in(check_layers, "events/a.hpp", "#include \"engine/b.hpp\"\n").size() == 1U);
  BOOST_TEST(in(check_layers, "engine/a.hpp", "#include \"actors/b.hpp\"\n").size() == 1U);
  BOOST_TEST(in(check_layers, "engine/attestation/a.cpp", "#include \"connectors/b.hpp\"\n").size() == 1U);
  BOOST_TEST(in(check_layers, "engine/a.cpp", "#include \"tests/b.hpp\"\n").size() == 1U);
}

BOOST_AUTO_TEST_CASE(outer_folders_must_not_include_each_other) {
  for (const auto* own : {"actors", "projections", "connectors"}) {
    for (const auto* other : {"actors", "projections", "connectors"}) {
      const auto found =
          in(check_layers, std::string(own) + "/a.cpp", "#include \"" + std::string(other) + "/b.hpp\"\n");
      BOOST_TEST(found.empty() == (std::string_view(own) == other));
    }
  }
}

BOOST_AUTO_TEST_CASE(includes_along_the_star_are_fine) {
  BOOST_TEST(in(check_layers, "connectors/a.cpp",
                "#include \"connectors/a.hpp\"\n#include \"engine/ports/b.hpp\"\n#include \"events/c.hpp\"\n")
                 .empty());
  BOOST_TEST(in(check_layers, "engine/main.cpp", "#include \"connectors/a.hpp\"\n#include \"actors/b.hpp\"\n").empty());
  BOOST_TEST(in(check_layers, "engine/a.cpp", "#include \"a.hpp\"\n").size() == 2U);
}

BOOST_AUTO_TEST_CASE(a_library_outside_its_folders_is_found) {
  BOOST_TEST(in(check_third_party, "engine/a.cpp", "#include <rocksdb/db.h>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "projections/a.cpp", "#include <boost/asio.hpp>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "connectors/a.cpp", "#include <caf/all.hpp>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "actors/a.cpp", "#include <openssl/evp.h>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "engine/a.cpp", "#include <unistd.h>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "connectors/a.cpp", "#include <new/library.hpp>\n").size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_library_in_a_header_is_found_unless_it_is_caf) {
  BOOST_TEST(in(check_third_party, "connectors/a.hpp", "#include <boost/beast/http.hpp>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "events/a.hpp", "#include <openssl/evp.h>\n").size() == 1U);
  BOOST_TEST(in(check_third_party, "actors/a.hpp", "#include <caf/typed_actor.hpp>\n").empty());
  BOOST_TEST(in(check_third_party, "events/a.cpp", "#include <openssl/evp.h>\n#include <vector>\n").empty());
}

BOOST_AUTO_TEST_CASE(two_heavy_libraries_in_one_source_are_found_however_far_down) {
  source_tree sources = {
      {"connectors/a.cpp", "#include \"connectors/b.hpp\"\n#include <boost/asio.hpp>\n"},
      {"connectors/b.hpp", "#include \"connectors/c.hpp\"\n"},
      {"connectors/c.hpp", "#include \"connectors/b.hpp\"\n#include <rocksdb/db.h>\n"},
      {"connectors/d.cpp", "#include <boost/asio.hpp>\n#include <boost/beast.hpp>\n#include <openssl/ssl.h>\n"}};
  BOOST_TEST(check_translation_units(sources) == findings{"connectors/a.cpp: sees Asio and RocksDB"},
             boost::test_tools::per_element());
  sources["engine/main.cpp"] = sources["connectors/a.cpp"];
  sources.erase("connectors/a.cpp");
  BOOST_TEST(check_translation_units(sources).empty());
}

BOOST_AUTO_TEST_CASE(a_banned_call_is_found_outside_its_home) {
  for (const auto* call :
       {"std::chrono::system_clock::now()", "std::time(nullptr)", "time(0)", "gettimeofday(&t, nullptr)",
        "std::random_device d;", "std::rand()", "srand(1)", "RAND_bytes(b, 1)", "std::getenv(\"A\")",
        "std::this_thread::sleep_for(1s)", "usleep(1)", "std::cout << 1"}) {
    BOOST_TEST(in(check_banned_calls, "engine/a.cpp", std::string(call) + "\n").size() == 1U, call);
  }
  BOOST_TEST(in(check_banned_calls, "tests/a.cpp", "std::this_thread::sleep_for(1s);\n").size() == 1U);
}

BOOST_AUTO_TEST_CASE(a_banned_call_is_fine_in_its_home_and_what_only_looks_like_one_everywhere) {
  BOOST_TEST(in(check_banned_calls, "connectors/node/system_clock.cpp", "std::chrono::system_clock::now()\n").empty());
  BOOST_TEST(in(check_banned_calls, "connectors/node/system_entropy.cpp", "RAND_bytes(b, 1)\n").empty());
  BOOST_TEST(in(check_banned_calls, "engine/main.cpp", "std::getenv(\"A\"); std::cout << 1;\n").empty());
  BOOST_TEST(in(check_banned_calls, "connectors/cli/a.cpp", "std::cout << 1;\n").empty());
  for (const auto* text : {"// std::cout\n", "auto a = \"std::cout\";\n", "timestamp time() const;\n",
                           "steady_clock::now()\n", "operand(1)\n", "std::snprintf(a, 1)\n"}) {
    BOOST_TEST(in(check_banned_calls, "engine/a.cpp", text).empty(), text);
  }
}

BOOST_AUTO_TEST_CASE(work_left_for_later_is_found_in_comments_too) {
  BOOST_TEST(in(check_leftovers, "tests/a.cpp", std::string("// FIX") + "ME: later\n").size() == 1U);
  BOOST_TEST(in(check_leftovers, "engine/a.cpp", std::string("int x; // TO") + "DO\n").size() == 1U);
  BOOST_TEST(in(check_leftovers, "engine/a.cpp", "// a method\n").empty());
}

BOOST_AUTO_TEST_CASE(comments_and_texts_are_not_code) {
  BOOST_TEST(without_comments("a // b\nc") == "a     \nc");
  BOOST_TEST(without_comments("a /* b\n */ c") == "a     \n    c");
  BOOST_TEST(without_comments("f(\"a\\\"b\", 'c');") == "f(\"    \", ' ');");
  BOOST_TEST(without_comments("x = R\"q(co_await)\" )q\";").find("co_await") == std::string::npos);
  BOOST_TEST(without_comments("#include \"a/b.hpp\"\n") == "#include \"a/b.hpp\"\n");
  BOOST_TEST(without_comments("auto n = 1'000'000; f('x');") == "auto n = 1'000'000; f(' ');");
}

BOOST_AUTO_TEST_CASE(an_aggregate_temporary_in_a_co_await_is_found) {
  for (const auto* body : {"co_await send(message{1, 2});", "const auto a = co_await send(message{1}, 2);",
                           "f(message{1}, co_await get());", "if (!co_await send(message{1})) co_return;",
                           "while (co_await next(state{})) {}", "co_return co_await send({1, 2});",
                           "co_await send(1, {2, 3});", "co_await send(std::vector<int>{1});",
                           "f([] { g(); }, message{1}, co_await get());", "co_await send(\n      message{1});"}) {
    BOOST_TEST_CONTEXT(body) {
      const auto found = awaits(body);
      BOOST_TEST_REQUIRE(found.size() == 1U);
      BOOST_TEST(found.front().find("an aggregate temporary") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_capturing_lambda_in_a_co_await_is_found) {
  for (const auto* body :
       {"co_await post([this] { go(); });", "co_await post([&] { go(); });",
        "co_await post([x = 1]() mutable { go(x); });", "co_await post([this](int a) { go(a); }, 1);",
        "if (co_await post([=] { return 1; })) co_return;"}) {
    BOOST_TEST_CONTEXT(body) {
      const auto found = awaits(body);
      BOOST_TEST_REQUIRE(found.size() == 1U);
      BOOST_TEST(found.front().find("a capturing lambda") != std::string::npos);
    }
  }
}

BOOST_AUTO_TEST_CASE(what_stands_outside_the_expression_of_a_co_await_is_fine) {
  for (const auto* body : {"co_await send(message);", "const auto [error] = co_await wait(socket, as_result);",
                           "const message m{1, 2};\n  co_await send(m);", "co_await send(m);\n  const message n{1};",
                           "const auto f = [this] { go(); };\n  co_await post(f);", "co_await post([] { go(); });",
                           "if (!co_await ready()) {\n    f(message{1});\n  }", "if (co_await ready()) g = message{1};",
                           "while (co_await ready()) {\n    go([this] { stop(); });\n  }",
                           "spawn([this]() -> task {\n    co_await ready();\n  });", "x = values[i](co_await get());",
                           "// co_await send(message{1});"}) {
    BOOST_TEST_CONTEXT(body) {
      check_none(awaits(body));
    }
  }
}

BOOST_AUTO_TEST_CASE(a_finding_names_the_line) {
  const auto found = awaits("go();\n\n  co_await send(message{1});");
  BOOST_TEST_REQUIRE(found.size() == 1U);
  BOOST_TEST(found.front() == "connectors/a.cpp: an aggregate temporary in the co_await of line 4");
}

BOOST_AUTO_TEST_SUITE_END()
