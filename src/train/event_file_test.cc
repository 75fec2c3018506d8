#include "train/event_file.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace dure {
namespace {

TEST(EventFile, SumsAreCastagnolis) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);            // the polynomial's check value
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\xFF')), 0x62A8AB43u);
}

TEST(EventFile, SaysWhereItCannotWrite) { EXPECT_THROW(EventFile("/nowhere/at/all"), Error); }

}  // namespace
}  // namespace dure
