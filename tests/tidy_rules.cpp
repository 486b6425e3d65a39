#include "tests/tidy_rules.hpp"

#include <algorithm>
#include <array>
#include <regex>
#include <set>
#include <sstream>

namespace muster::tests {

namespace {

constexpr std::string_view composition_root = "engine/main.cpp";
constexpr std::array folders = {std::string_view("events"), std::string_view("engine"), std::string_view("actors"),
                                std::string_view("projections"), std::string_view("connectors")};

std::string folder_of(std::string_view path) {
  return std::string(path.substr(0, path.find('/')));
}
bool is_header(std::string_view path) {
  return path.ends_with(".hpp");
}
bool is_product(std::string_view path) {
  return std::ranges::find(folders, folder_of(path)) != folders.end();
}

struct include_line {
  bool project = false;  ///< in quotes
  std::string name;
};

std::vector<include_line> includes_of(const std::string& text) {
  static const std::regex pattern(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
  std::vector<include_line> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_search(line, match, pattern)) found.push_back({match[1] == "\"", match[2]});
  }
  return found;
}

/// A library, by how its headers begin; where it may be included, and whether headers may.
struct library {
  std::string_view prefix;
  std::string_view name;
  std::set<std::string_view> folders;
  bool in_headers = false;
};

const std::vector<library>& libraries() {
  static const std::vector<library> all = {
      {"caf/", "CAF", {"actors"}, true},
      {"boost/asio", "Asio", {"connectors"}},
      {"boost/beast", "Asio", {"connectors"}},
      {"boost/json", "Boost.JSON", {"events", "engine", "connectors"}},
      {"boost/program_options", "Boost.Program_options", {"connectors"}},
      {"rocksdb/", "RocksDB", {"projections", "connectors"}},
      {"librdkafka/", "librdkafka", {"connectors"}},
      {"openssl/", "OpenSSL", {"events", "engine", "projections", "connectors"}},
      {"simdjson.h", "simdjson", {"events", "engine", "connectors"}},
      {"rapidjson/", "RapidJSON", {"events", "engine", "connectors"}},
      {"curl/", "libcurl", {"connectors"}},
      {"prometheus/", "prometheus-cpp", {"connectors"}},
      {"toml++/", "toml++", {"connectors"}},
      {"sys/", "the system", {"projections", "connectors"}},
      {"netinet/", "the system", {"connectors"}},
      {"arpa/", "the system", {"connectors"}},
      {"fcntl.h", "the system", {"projections", "connectors"}},
      {"unistd.h", "the system", {"projections", "connectors"}},
      {"poll.h", "the system", {"connectors"}},
      {"termios.h", "the system", {"connectors"}},
      {"signal.h", "the system", {"connectors"}},
      {"csignal", "the system", {"connectors"}},
  };
  return all;
}

const library* library_of(std::string_view header) {
  const auto at =
      std::ranges::find_if(libraries(), [&](const library& each) { return header.starts_with(each.prefix); });
  return at == libraries().end() ? nullptr : &*at;
}

// Of these, one source sees at most one.
bool is_heavy(std::string_view name) {
  return name == "CAF" || name == "Asio" || name == "RocksDB" || name == "librdkafka";
}

/// A call that has one home.
struct banned_call {
  std::string_view what;
  std::regex pattern;
  std::vector<std::string_view> homes;  ///< paths, or beginnings of paths
  bool in_tests = false;                ///< tests may not either
};

const std::vector<banned_call>& banned_calls() {
  static const std::vector<banned_call> all = {
      {"the wall clock (use engine::clock)",
       std::regex(R"((system_clock::now|\bgettimeofday|\bclock_gettime|\btime\((nullptr|NULL|0|&)))"),
       {"connectors/node/system_clock.cpp"}},
      {"randomness (use engine::entropy)",
       std::regex(R"((\brandom_device\b|\bs?rand\(|\bRAND_(priv_)?bytes|\bgetrandom\())"),
       {"connectors/node/system_entropy.cpp"}},
      {"the environment (main hands it down)", std::regex(R"(\b(secure_)?getenv\()"), {composition_root}},
      {"sleeping", std::regex(R"(\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\()"), {}, true},
      {"standard output", std::regex(R"((std::cout\b|\bprintf\())"), {composition_root, "connectors/cli/"}},
  };
  return all;
}

void collect_heavy(const source_tree& sources, const std::string& path, std::set<std::string>& seen,
                   std::set<std::string>& heavy) {
  const auto at = sources.find(path);
  if (at == sources.end() || !seen.insert(path).second) return;
  for (const auto& include : includes_of(at->second)) {
    if (include.project) {
      collect_heavy(sources, include.name, seen, heavy);
    } else if (const auto* found = library_of(include.name); found != nullptr && is_heavy(found->name)) {
      heavy.emplace(found->name);
    }
  }
}

bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// A brace that begins a block stands behind a blank, one that begins a value stands at its type, in a list or behind
// `=`.
bool begins_block(const std::string& text, std::size_t brace) {
  if (brace == 0 || (text[brace - 1] != ' ' && text[brace - 1] != '\n')) return brace == 0;
  const auto before = text.find_last_not_of(" \n", brace);
  const auto last = text.find_last_not_of(" \n", brace - 1);
  if (before == std::string::npos || last == std::string::npos) return true;
  if (text[last] == '=' || text[last] == ',' || text[last] == '(') return false;
  return !text.substr(0, last + 1).ends_with("return");
}

// A brace that ends a value or a lambda is followed by what goes on with the expression.
bool ends_value(const std::string& text, std::size_t brace) {
  return brace + 1 < text.size() && std::string_view(",).;]}(").find(text[brace + 1]) != std::string_view::npos;
}

bool follows_control_word(const std::string& text, std::size_t paren) {
  auto end = paren;
  while (end > 0 && text[end - 1] == ' ') --end;
  auto begin = end;
  while (begin > 0 && is_word(text[begin - 1])) --begin;
  const auto word = std::string_view(text).substr(begin, end - begin);
  return word == "if" || word == "while" || word == "for" || word == "switch" || word == "constexpr";
}

/// The full expression around the `co_await` at `at`, as far as text tells.
std::string expression_around(const std::string& text, std::size_t at) {
  auto begin = at;
  int closed = 0;  // brackets that end to the right of where we are and before `at`
  int open = 0;    // brackets around `at`
  for (; begin > 0; --begin) {
    const auto here = begin - 1;
    const char c = text[here];
    if (c == ')' || c == ']' || (c == '}' && (closed > 0 || ends_value(text, here)))) {
      ++closed;
    } else if (c == '(' || c == '[' || c == '{') {
      if (closed > 0) {
        --closed;
      } else if (c == '{' && begins_block(text, here)) {
        break;
      } else {
        ++open;
        if (c == '(' && follows_control_word(text, here)) break;
      }
    } else if (closed == 0 && (c == ';' || c == '}')) {
      break;
    }
  }
  auto end = at;
  int depth = open;
  const bool in_control = begin > 0 && text[begin - 1] == '(' && follows_control_word(text, begin - 1);
  for (; end < text.size(); ++end) {
    const char c = text[end];
    if (c == '(' || c == '[' || c == '{') {
      if (c == '{' && depth == 0 && begins_block(text, end)) break;
      ++depth;
    } else if (c == ')' || c == ']' || c == '}') {
      if (--depth < 0 || (in_control && depth == 0)) break;
    } else if (c == ';' && depth <= 0) {
      break;
    }
  }
  return text.substr(begin, end - begin);
}

std::string_view fault_of(const std::string& expression) {
  static const std::regex aggregate(R"([A-Za-z0-9_>]\{|[(,]\s*\{)");
  static const std::regex lambda(R"((^|[^\w\])\[])\[[^\]\[]+\]\s*(\(|\{|mutable|noexcept|->))");
  if (std::regex_search(expression, lambda)) return "a capturing lambda";
  if (std::regex_search(expression, aggregate)) return "an aggregate temporary";
  return {};
}

}  // namespace

std::string without_comments(std::string_view text) {
  std::string out;
  const auto blank = [&](std::size_t from, std::size_t to) {
    for (auto i = from; i < to; ++i) out += text[i] == '\n' ? '\n' : ' ';
  };
  for (std::size_t i = 0; i < text.size();) {
    const auto rest = text.substr(i);
    std::size_t end = i + 1;
    if (rest.starts_with("//")) {
      end = std::min(text.find('\n', i), text.size());
      blank(i, end);
    } else if (rest.starts_with("/*")) {
      const auto close = text.find("*/", i + 2);
      end = close == std::string_view::npos ? text.size() : close + 2;
      blank(i, end);
    } else if (rest.starts_with("R\"") && (i == 0 || !is_word(text[i - 1]))) {
      const auto paren = text.find('(', i);
      const auto close = ")" + std::string(text.substr(i + 2, paren - i - 2)) + "\"";
      const auto at = text.find(close, paren);
      end = at == std::string_view::npos ? text.size() : at + close.size();
      out += "\"\"";
      blank(i + 2, end);
    } else if (text[i] == '"' || (text[i] == '\'' && (i == 0 || !is_word(text[i - 1])))) {
      while (end < text.size() && text[end] != text[i] && text[end] != '\n') end += text[end] == '\\' ? 2 : 1;
      end = std::min(end + 1, text.size());
      // What stands in quotes behind #include is what the rules are about.
      const auto line = out.rfind('\n') == std::string::npos ? 0 : out.rfind('\n') + 1;
      if (out.substr(line).starts_with("#include"))
        out += text.substr(i, end - i);
      else
        out += std::string(1, text[i]) + std::string(end - i > 2 ? end - i - 2 : 0, ' ') +
               (end - i > 1 ? std::string(1, text[i]) : "");
    } else {
      out += text[i];
    }
    i = end;
  }
  return out;
}

findings check_layers(const source_tree& sources) {
  findings found;
  for (const auto& [path, text] : sources) {
    if (!is_product(path) || path == composition_root) continue;
    const auto own = folder_of(path);
    for (const auto& include : includes_of(text)) {
      if (!include.project) continue;
      const auto other = folder_of(include.name);
      const bool allowed = other == own || other == "events" || (other == "engine" && own != "events");
      if (!allowed) found.push_back(path + ": " + own + " must not include " + include.name);
      if (!include.name.contains('/'))
        found.push_back(path + ": include " + include.name + " by its path from the project's directory");
    }
  }
  return found;
}

findings check_third_party(const source_tree& sources) {
  findings found;
  for (const auto& [path, text] : sources) {
    if (!is_product(path) || path == composition_root) continue;
    for (const auto& include : includes_of(text)) {
      if (include.project) continue;
      const auto* used = library_of(include.name);
      if (used == nullptr) {
        if (include.name.find_first_of("/.") != std::string::npos)
          found.push_back(path + ": nobody has allowed <" + include.name + ">");
        continue;
      }
      if (!used->folders.contains(folder_of(path))) {
        found.push_back(path + ": " + folder_of(path) + " must not include " + std::string(used->name));
      } else if (is_header(path) && !used->in_headers) {
        found.push_back(path + ": a header must not include " + std::string(used->name));
      }
    }
  }
  return found;
}

findings check_translation_units(const source_tree& sources) {
  findings found;
  for (const auto& [path, text] : sources) {
    if (!is_product(path) || is_header(path) || path == composition_root) continue;
    std::set<std::string> seen, heavy;
    collect_heavy(sources, path, seen, heavy);
    if (heavy.size() < 2) continue;
    std::string all;
    for (const auto& each : heavy) all += (all.empty() ? "" : " and ") + each;
    found.push_back(path + ": sees " + all);
  }
  return found;
}

findings check_banned_calls(const source_tree& sources) {
  findings found;
  for (const auto& [path, text] : sources) {
    const auto code = without_comments(text);
    for (const auto& call : banned_calls()) {
      if (!is_product(path) && !call.in_tests) continue;
      if (std::ranges::any_of(call.homes, [&](std::string_view home) { return path.starts_with(home); })) continue;
      if (std::regex_search(code, call.pattern)) found.push_back(path + ": " + std::string(call.what));
    }
  }
  return found;
}

findings check_leftovers(const source_tree& sources) {
  // Put together here, so that this file is not its own finding.
  static const std::regex pattern(std::string("\\b(TO") + "DO|FIX" + "ME|HA" + "CK)\\b");
  findings found;
  for (const auto& [path, text] : sources) {
    if (std::regex_search(text, pattern)) found.push_back(path + ": something was left for later");
  }
  return found;
}

findings check_awaits(const source_tree& sources) {
  findings found;
  for (const auto& [path, text] : sources) {
    const auto code = without_comments(text);
    for (auto at = code.find("co_await"); at != std::string::npos; at = code.find("co_await", at + 1)) {
      const auto fault = fault_of(expression_around(code, at));
      if (fault.empty()) continue;
      const auto line = 1 + std::ranges::count(code.substr(0, at), '\n');
      found.push_back(path + ": " + std::string(fault) + " in the co_await of line " + std::to_string(line));
    }
  }
  return found;
}

}  // namespace muster::tests
