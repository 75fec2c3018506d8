#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dure {

class Device;

/// An importance matrix: how large the inputs of each weight's columns were while text ran through a model. A column
/// that multiplies large inputs deserves small errors (docs/quantisation.md). The files are llama.cpp's: GGUF, and the
/// older binary one, which is only read.
struct Imatrix {
  struct Entry {
    std::vector<float> sums;    ///< [matrices * columns]: squares of the inputs, summed over tokens
    std::vector<float> counts;  ///< [matrices]: how many tokens; or one for all of them

    /// What DTypeInfo::quantise takes, [matrices * columns]: mean squares; ones for an expert that met no token.
    std::vector<float> means() const;
  };

  std::map<std::string, Entry, std::less<>> entries;  ///< by the weight's GGUF name, such as blk.0.attn_q.weight
  std::vector<std::string> datasets;                  ///< names of the texts
  uint32_t chunks = 0, chunk_size = 0;                ///< of tokens; 0 if the file does not say

  /// Null if the matrix does not know the weight.
  const Entry* find(std::string_view weight) const;
};

/// Throws Error if the file is neither kind, is damaged, or has a value that is no mean of squares.
Imatrix read_imatrix(const std::filesystem::path& path);
/// The same from memory; `source` names the bytes in errors.
Imatrix parse_imatrix(std::span<const std::byte> bytes, const std::string& source);

/// Writes the GGUF kind. Throws Error if that fails; the file appears whole or not at all.
void write_imatrix(const std::filesystem::path& path, const Imatrix& imatrix, Device& device);

}  // namespace dure
