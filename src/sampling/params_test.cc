#include "sampling/params.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "base/error.h"

namespace dure {
namespace {

using testing::HasSubstr;

TEST(SamplingParams, DefaultsAndExtremesAreValid) {
  validate({}, 1);
  SamplingParams p;
  p.temperature = 0;
  p.top_k = 1'000'000;
  p.top_p = 0;
  p.min_p = 1;
  p.logit_bias = {{0, -INFINITY}, {9, 100.f}};
  p.max_tokens = 3;
  p.min_tokens = 3;
  p.logprobs = 10;
  validate(p, 10);
}

TEST(SamplingParams, RefusalsNameFieldValueAndRange) {
  struct Case {
    std::function<void(SamplingParams&)> set;
    const char* message;
  };
  const Case cases[] = {
      {[](auto& p) { p.temperature = -1; }, "temperature is -1, must be a finite number of at least 0"},
      {[](auto& p) { p.temperature = INFINITY; }, "temperature is inf, must be a finite number"},
      {[](auto& p) { p.temperature = NAN; }, "temperature is nan"},
      {[](auto& p) { p.top_k = -2; }, "top_k is -2, must be at least -1"},
      {[](auto& p) { p.top_p = 1.5f; }, "top_p is 1.5, must be between 0 and 1"},
      {[](auto& p) { p.min_p = NAN; }, "min_p is nan, must be between 0 and 1"},
      {[](auto& p) { p.typical_p = -0.5f; }, "typical_p is -0.5"},
      {[](auto& p) { p.repetition_penalty = 0; }, "repetition_penalty is 0, must be a finite number greater than 0"},
      {[](auto& p) { p.presence_penalty = 2.5f; }, "presence_penalty is 2.5, must be between -2 and 2"},
      {[](auto& p) { p.frequency_penalty = -3; }, "frequency_penalty is -3, must be between -2 and 2"},
      {[](auto& p) { p.repeat_last_n = -2; }, "repeat_last_n is -2"},
      {[](auto& p) { p.dry_multiplier = -1; }, "dry_multiplier is -1"},
      {[](auto& p) { p.dry_base = 0.5f; }, "dry_base is 0.5, must be a finite number of at least 1"},
      {[](auto& p) { p.dry_allowed_length = -1; }, "dry_allowed_length is -1"},
      {[](auto& p) { p.dry_penalty_last_n = -2; }, "dry_penalty_last_n is -2"},
      {[](auto& p) { p.dry_sequence_breakers = {10}; },
       "dry_sequence_breakers has token id 10, must be between 0 and 9"},
      {[](auto& p) {
         p.logit_bias = {{-1, 0.f}};
       },
       "logit_bias has token id -1, must be between 0 and 9"},
      {[](auto& p) {
         p.logit_bias = {{3, 101.f}};
       },
       "logit_bias of token 3 is 101, must be between -100 and 100"},
      {[](auto& p) {
         p.logit_bias = {{3, NAN}};
       },
       "logit_bias of token 3 is nan"},
      {[](auto& p) { p.stop_token_ids = {12}; }, "stop_token_ids has token id 12"},
      {[](auto& p) { p.eos_token_ids = {12}; }, "eos_token_ids has token id 12"},
      {[](auto& p) { p.max_tokens = 0; }, "max_tokens is 0, must be at least 1"},
      {[](auto& p) { p.max_tokens = 2, p.min_tokens = 3; }, "min_tokens is 3, must be between 0 and 2"},
      {[](auto& p) { p.logprobs = 11; }, "logprobs is 11, must be between 0 and 10"},
  };
  for (const Case& c : cases) {
    SamplingParams params;
    c.set(params);
    try {
      validate(params, 10);
      ADD_FAILURE() << "accepted: " << c.message;
    } catch (const Error& e) {
      EXPECT_THAT(e.what(), HasSubstr(c.message));
    }
  }
}

TEST(SamplingParams, StopTokens) {
  SamplingParams p;
  p.stop_token_ids = {1};
  p.eos_token_ids = {2};
  EXPECT_TRUE(is_stop_token(p, 1));
  EXPECT_TRUE(is_stop_token(p, 2));
  EXPECT_FALSE(is_stop_token(p, 3));
  p.ignore_eos = true;
  EXPECT_TRUE(is_stop_token(p, 1));
  EXPECT_FALSE(is_stop_token(p, 2));
}

}  // namespace
}  // namespace dure
