#pragma once
#include <zlib.h>

#include <memory>
#include <vector>

#include "tables/packed/byte_source.hpp"
#include "tables/table.hpp"

namespace mfld::tables {

/// gzip: one or more files of RFC 1952 behind each other, with their checksums; deflate: RFC 1951 alone.
enum class Packing { gzip, deflate };

/// What was compressed, a block at a time. Damage, and an end that comes too early, is a FileError.
class Inflater : public ByteSource {
 public:
  Inflater(const Source& source, std::unique_ptr<ByteSource> packed, Packing packing);
  ~Inflater() override;
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  std::size_t read(std::span<char> buffer) override;
  double expected_size() const override;

 private:
  bool refill();
  void end_of_stream();

  Source source_;
  std::unique_ptr<ByteSource> packed_;
  Packing packing_;
  std::vector<char> input_;
  z_stream stream_{};
  bool ended_ = false;
  double num_packed_ = 0;
  double num_given_ = 0;
};

}  // namespace mfld::tables
