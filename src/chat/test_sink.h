#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>

#include "chat/answer_sink.h"

namespace dure {

/// For tests: keeps what a sink hears and checks that it comes in order.
class CollectedAnswer : public AnswerSink {
 public:
  struct Call {
    std::string id, name, arguments;
  };

  void started(int, int) override {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(started_);
    started_ = true;
  }
  void piece(int choice, AnswerPiece piece) override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(started_ && !ended_);
    size_t id = 0;
    for (const AnswerDelta& d : piece.deltas) switch (d.kind) {
        case AnswerDelta::Kind::reasoning: reasoning_[choice] += d.text; break;
        case AnswerDelta::Kind::content: texts_[choice] += d.text; break;
        case AnswerDelta::Kind::call_begin: calls_[choice].push_back({piece.call_ids.at(id++), d.text, ""}); break;
        case AnswerDelta::Kind::call_arguments: calls_[choice].back().arguments += d.text; break;
        case AnswerDelta::Kind::call_end: break;
      }
    tokens_.insert(tokens_.end(), piece.tokens.begin(), piece.tokens.end());
  }
  void finished(int choice, AnswerEnd end) override {
    const std::lock_guard lock(mutex_);
    EXPECT_TRUE(ends_.emplace(choice, std::move(end)).second);
  }
  void done(const AnswerUsage& usage) override {
    usage_ = usage;
    leave();
  }
  void failed(std::exception_ptr error) override {
    error_ = std::move(error);
    leave();
  }

  void wait() {
    std::unique_lock lock(mutex_);
    ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(120), [&] { return ended_; }));
  }

  // Once it is over.
  const std::string& text(int choice = 0) { return texts_[choice]; }
  const std::string& reasoning(int choice = 0) { return reasoning_[choice]; }
  const std::vector<Call>& calls(int choice = 0) { return calls_[choice]; }
  const AnswerEnd& end(int choice = 0) { return ends_.at(choice); }
  size_t choices() const { return ends_.size(); }
  const std::vector<TokenDetail>& tokens() const { return tokens_; }
  const AnswerUsage& usage() const { return usage_; }
  std::exception_ptr error() const { return error_; }

 private:
  void leave() {
    const std::lock_guard lock(mutex_);
    EXPECT_FALSE(ended_);
    ended_ = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int, std::string> texts_, reasoning_;
  std::map<int, std::vector<Call>> calls_;
  std::map<int, AnswerEnd> ends_;
  std::vector<TokenDetail> tokens_;
  AnswerUsage usage_;
  std::exception_ptr error_;
  bool started_ = false, ended_ = false;
};

}  // namespace dure
