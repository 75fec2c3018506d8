#pragma once

#include "backend/cpu/kernels.h"
#include "backend/cpu/scratch.h"
#include "backend/reference/reference.h"

namespace dure {

/// The vector units of this machine: shapes, threads and buffers here, arithmetic in the kernels of isa/. What is not
/// hot is inherited from the reference.
///
/// A row's result has the same bits whatever the number of threads and whichever rows come with it: every output is
/// summed in one order, and pieces of work only decide who computes it.
class CpuBackend : public ReferenceBackend {
 public:
  CpuBackend(const cpu::Kernels& kernels, std::shared_ptr<ThreadPool> threads, Compute compute)
      : ReferenceBackend(std::move(threads), compute), kernels_(kernels) {}

  std::string name() const override;

  void gemm(View y, ConstView x, const Weight& w, Direction direction) override;
  void gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) override;

 private:
  /// y[M, n] = x[M] . w[n] for n in [begin, end), or y[M, K] = x[M, end - begin] w[begin, end).
  struct Product {
    cpu::Rows y;
    cpu::ConstRows x;
    int64_t M;
    cpu::WeightRows w;
    cpu::Format format;
    int64_t begin, end;
  };
  /// Rows of activations as the compute mode sees them, with the copy that holds them if there is one.
  struct Operand {
    cpu::ConstRows rows;
    Scratch::Buffer copy;
  };

  static Product product(const Weight& w, int64_t begin, int64_t end);
  Operand operand(ConstView x);
  void multiply(std::span<const Product> products, Direction direction);
  void multiply_forward(const Product& p, int64_t begin, int64_t end);
  void multiply_transpose(const Product& p, int64_t column, int64_t count);
  bool rounds(cpu::Format format) const { return compute_ == Compute::bf16 && format != cpu::kBF16; }

  const cpu::Kernels& kernels_;
  Scratch scratch_;
};

}  // namespace dure
