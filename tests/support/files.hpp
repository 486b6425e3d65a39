#pragma once

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace muster::tests {

inline std::string read_file(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const std::filesystem::path& file, std::string_view bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

/// The files in `directory` whose name ends so, by name.
inline std::vector<std::filesystem::path> files_in(const std::filesystem::path& directory, std::string_view extension) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == extension) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

/// The files below `directory` that hold `bytes`, a line each.
inline std::string files_holding(const std::filesystem::path& directory, std::string_view bytes) {
  std::string names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory)) {
    if (entry.is_regular_file() && read_file(entry.path()).find(bytes) != std::string::npos)
      names += entry.path().string() + "\n";
  }
  return names;
}

}  // namespace muster::tests
