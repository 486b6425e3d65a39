#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

/// The rules about our sources that a compiler does not check. They read text, not C++: conservative, and good for code
/// that is formatted as ours.
namespace muster::tests {

/// Source files by their path below the project's directory.
using source_tree = std::map<std::string, std::string>;

/// `path: what is wrong`, one entry a finding.
using findings = std::vector<std::string>;

/// `text` without comments and without what stands in string literals, line breaks kept.
std::string without_comments(std::string_view text);

/// events <- engine <- { actors | projections | connectors } <- engine/main.cpp: who may include whom.
findings check_layers(const source_tree& sources);

/// Which folder may include which library, and that only sources do, not headers.
findings check_third_party(const source_tree& sources);

/// No source sees two of CAF, Asio and Beast, RocksDB and librdkafka, however far down; engine/main.cpp may.
findings check_translation_units(const source_tree& sources);

/// The wall clock, randomness, the environment, sleeping and standard output, each outside its one home.
findings check_banned_calls(const source_tree& sources);

/// Work that was left for later.
findings check_leftovers(const source_tree& sources);

/// With g++ 12 no aggregate temporary and no capturing lambda may stand in the full expression of a `co_await`: it
/// destroys them twice.
findings check_awaits(const source_tree& sources);

}  // namespace muster::tests
