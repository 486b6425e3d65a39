#include "tests/events/samples.hpp"

#include <filesystem>
#include <fstream>

// Writes the golden files anew. After the tag v1 a golden file of a released event never changes.
int main() {
  const std::filesystem::path root = MUSTER_SOURCE_DIR;
  for (const auto& [path, content] : muster::tests::golden_files()) {
    std::filesystem::create_directories((root / path).parent_path());
    std::ofstream(root / path, std::ios::binary) << content;
  }
  return 0;
}
