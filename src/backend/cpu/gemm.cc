#include <algorithm>
#include <cstring>

#include "backend/cpu/cpu.h"
#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/dispatch.h"
#include "backend/cpu/heuristics.h"
#include "backend/cpu/tile_check.h"

namespace dure {

using namespace heuristics;

namespace {

/// Elements from one row of a view to the next; -1 if they are not evenly spaced.
int64_t row_stride(const ConstView& v) {
  const int last = v.shape.rank() - 2;
  if (last < 0) return v.columns();
  for (int d = 0; d < last; ++d)
    if (v.shape[d] != 1 && v.strides[d] != v.shape[d + 1] * v.strides[d + 1]) return -1;
  return v.strides[last];
}

/// The head's part of a [T, H, n] view: [T, n].
template <class V>
V head_of(const V& v, int64_t h) {
  return V(v.row(0) + h * v.strides[1], v.dtype, {v.dim(0), v.dim(2)}, {v.strides[0], v.strides[2]});
}

cpu::Rows rows_of(const View& v) {
  const int64_t stride = row_stride(v);
  require(stride >= 0, "cpu: a result of shape {} has no evenly spaced rows", v.shape);
  return {static_cast<float*>(v.data), stride};
}

}  // namespace

cpu::Format format_of(DType dtype) {
  switch (dtype) {
    case DType::F32: return cpu::kF32;
    case DType::F16: return cpu::kF16;
    case DType::BF16: return cpu::kBF16;
    case DType::F8_E4M3: return cpu::kF8;
    case DType::Q8_0: return cpu::kQ8_0;
    case DType::Q4_0: return cpu::kQ4_0;
    case DType::Q4_1: return cpu::kQ4_1;
    case DType::Q5_0: return cpu::kQ5_0;
    case DType::Q5_1: return cpu::kQ5_1;
    case DType::IQ4_NL: return cpu::kIQ4_NL;
    case DType::MXFP4: return cpu::kMXFP4;
    case DType::Q2_K: return cpu::kQ2_K;
    case DType::Q3_K: return cpu::kQ3_K;
    case DType::Q4_K: return cpu::kQ4_K;
    case DType::Q5_K: return cpu::kQ5_K;
    case DType::Q6_K: return cpu::kQ6_K;
    default: fail("cpu: no kernels for {} weights", name(dtype));
  }
}

std::unique_ptr<Backend> make_cpu_backend(std::string isa, std::shared_ptr<ThreadPool> threads, Compute compute) {
  const cpu::Kernels& kernels = kernels_for(isa);
  // Tiles round both sides to bfloat16: no business of a mode that promises more.
  const bool tiles = kernels.tiles != nullptr && compute == Compute::int8 && tiles_keep_their_word(kernels);
  return std::make_unique<CpuBackend>(kernels, std::move(threads), compute,
                                      tiles ? CpuBackend::Units::tiles : CpuBackend::Units::vectors);
}

std::unique_ptr<Backend> make_tile_emulation(std::shared_ptr<ThreadPool> threads) {
  const cpu::Kernels* kernels = tile_emulation();
  if (kernels == nullptr) return nullptr;
  return std::make_unique<CpuBackend>(*kernels, std::move(threads), Compute::int8, CpuBackend::Units::tiles);
}

std::string CpuBackend::name() const { return fmt::format("cpu/{}", kernels_.isa); }

CpuBackend::Product CpuBackend::product(const Weight& w, int64_t begin, int64_t end) {
  const ConstView v = w.data.view();
  const DTypeInfo& type = info(v.dtype);
  Product p{};
  p.w.data = static_cast<const uint8_t*>(v.data);
  p.w.row_bytes = v.strides[0] / type.block * type.block_bytes;
  p.w.columns = w.in_features();
  if (w.scale.defined()) {
    p.w.scale = static_cast<const float*>(w.scale.view().data);
    p.w.scale_stride = w.scale.view().strides[0];
  }
  p.format = format_of(v.dtype);
  p.begin = begin;
  p.end = end;
  return p;
}

CpuBackend::Operand CpuBackend::operand(ConstView x) {
  const int64_t K = x.columns(), stride = row_stride(x);
  if (compute_ != Compute::bf16 && stride >= 0) return {{static_cast<const float*>(x.data), stride}, {}};
  Scratch::Buffer copy = scratch_.take(x.rows() * K);
  float* data = copy.data();
  for_each_row(x.rows(), K, [&](int64_t r) {
    if (compute_ == Compute::bf16)
      kernels_.round_bf16(data + r * K, x.row(r), K);
    else
      std::memcpy(data + r * K, x.row(r), static_cast<size_t>(K) * sizeof(float));
  });
  return {{data, K}, std::move(copy)};
}

const cpu::PanelKernels& CpuBackend::panel_kernels(const Weight& w) const {
  const cpu::Format format = format_of(w.data.dtype());
  const bool tiled = units_ == Units::tiles && row_kind_ == RowKind::prompt && kernels_.tiles[format] != nullptr;
  return tiled ? *kernels_.tiles[format] : *kernels_.panels[format];
}

CpuBackend::Prepared CpuBackend::room(const cpu::PanelKernels& kernels, int64_t rows, int64_t K) {
  const int64_t row_bytes = kernels.row_bytes(K);
  Scratch::Buffer memory = scratch_.take(rows * row_bytes / static_cast<int64_t>(sizeof(float)));
  return {{reinterpret_cast<const uint8_t*>(memory.data()), row_bytes}, std::move(memory)};
}

CpuBackend::Prepared CpuBackend::prepared(const cpu::PanelKernels& kernels, ConstView x) {
  const int64_t K = x.columns();
  Prepared p = room(kernels, x.rows(), K);
  for_each_row(x.rows(), K, [&](int64_t r) { kernels.prepare(x.row(r), K, 0, K, p.row(r)); });
  return p;
}

void CpuBackend::multiply_forward(const Product& p, int64_t begin, int64_t end) {
  if (p.panels != nullptr)
    return p.panel_kernels->dot(*p.panels, begin, end, p.prepared, p.M, p.y.data + (begin - p.begin), p.y.stride);
  const cpu::FormatKernels& format = *kernels_.formats[p.format];
  const int64_t K = p.w.columns;
  cpu::Rows y = {p.y.data + (begin - p.begin), p.y.stride};
  if (p.M <= kFusedRows && !rounds(p.format)) return format.dot(p.w, begin, end, p.x, p.M, y);
  if (p.format == cpu::kF32 && !rounds(p.format)) {
    const int64_t stride = p.w.row_bytes / static_cast<int64_t>(sizeof(float));
    return kernels_.dot(y, p.x, {reinterpret_cast<const float*>(p.w.data) + begin * stride, stride}, p.M, end - begin,
                        K);
  }
  const int64_t stride = (K + 15) / 16 * 16, panel = panel_rows(K);
  const Scratch::Buffer buffer = scratch_.take(std::min(panel, end - begin) * stride);
  for (int64_t n = begin; n < end; n += panel, y.data += panel) {
    const int64_t last = std::min(n + panel, end);
    format.unpack(p.w, n, last, 0, K, {buffer.data(), stride});
    for (int64_t r = 0; r < last - n && rounds(p.format); ++r)
      kernels_.round_bf16(buffer.data() + r * stride, buffer.data() + r * stride, K);
    kernels_.dot(y, p.x, {buffer.data(), stride}, p.M, last - n, K);
  }
}

void CpuBackend::multiply_transpose(const Product& p, int64_t column, int64_t count) {
  const cpu::FormatKernels& format = *kernels_.formats[p.format];
  const cpu::Rows y = {p.y.data + column, p.y.stride};
  for (int64_t m = 0; m < p.M; ++m) std::fill_n(y.data + m * y.stride, count, 0.f);
  const Scratch::Buffer buffer = scratch_.take(kSlabRows * kSlabColumns);
  for (int64_t n = p.begin; n < p.end; n += kSlabRows) {
    const int64_t last = std::min(n + kSlabRows, p.end);
    format.unpack(p.w, n, last, column, count, {buffer.data(), kSlabColumns});
    for (int64_t r = 0; r < last - n && rounds(p.format); ++r)
      kernels_.round_bf16(buffer.data() + r * kSlabColumns, buffer.data() + r * kSlabColumns, count);
    kernels_.outer(y, {p.x.data + (n - p.begin), p.x.stride}, 1, {buffer.data(), kSlabColumns}, p.M, count, last - n);
  }
}

void CpuBackend::multiply(std::span<const Product> products, Direction direction) {
  struct Piece {
    const Product* product;
    int64_t begin, end;  // rows of w, or its columns when transposed
  };
  std::vector<Piece> pieces;
  for (const Product& p : products) {
    const bool forward = direction == Direction::forward;
    const int64_t end = forward ? p.end : p.w.columns;
    const int64_t grain = !forward            ? kSlabColumns
                          : p.panels          ? panel_piece(p.panels->panel_bytes, p.end - p.begin, threads_->size())
                          : p.M <= kFusedRows ? stream_rows(p.w.row_bytes)
                                              : panel_rows(p.w.columns);
    for (int64_t i = forward ? p.begin : 0; i < end; i += grain) pieces.push_back({&p, i, std::min(i + grain, end)});
  }
  threads_->parallel_for(static_cast<int64_t>(pieces.size()), 1, [&](int64_t first, int64_t last) {
    for (int64_t i = first; i < last; ++i) {
      const Piece& piece = pieces[static_cast<size_t>(i)];
      if (direction == Direction::forward)
        multiply_forward(*piece.product, piece.begin, piece.end);
      else
        multiply_transpose(*piece.product, piece.begin, piece.end - piece.begin);
    }
  });
}

Weight CpuBackend::prepare(Tensor data, Tensor scale) {
  Weight w = ReferenceBackend::prepare(std::move(data), std::move(scale));
  if (compute_ == Compute::int8) w.packed = pack_panels(w.data, w.scale, panels_, *threads_);
  return w;
}

void CpuBackend::prepare_heads(Weight& w, HeadRows rows) {
  if (compute_ != Compute::int8) return;
  Device& device = w.data.device();
  const int64_t K = w.in_features(), H = w.out_features() / rows.stride;
  const Tensor turned = Tensor::empty(device, DType::BF16, {H * K, rows.count});
  auto* to = static_cast<uint16_t*>(turned.view().data);
  const Product p = product(w, 0, 0);
  threads_->parallel_for(H, 1, [&](int64_t h, int64_t) {
    const Scratch::Buffer buffer = scratch_.take(rows.count * K), row = scratch_.take(rows.count);
    const int64_t begin = h * rows.stride + rows.begin;
    kernels_.formats[p.format]->unpack(p.w, begin, begin + rows.count, 0, K, {buffer.data(), K});
    for (int64_t k = 0; k < K; ++k) {
      for (int64_t n = 0; n < rows.count; ++n) row.data()[n] = buffer.data()[n * K + k];
      info(DType::BF16).quantise(row.data(), nullptr, to + (h * K + k) * rows.count, rows.count);
    }
  });
  // Heads that begin within a panel are multiplied row by row.
  Weight t = K % cpu::kPanelRows == 0 ? prepare(turned, {}) : ReferenceBackend::prepare(turned, {});
  // Only panels are read from now on; one row stands for the shape of the rest.
  if (t.packed) t.data = Tensor::empty(device, DType::BF16, {1, rows.count}).alias({H * K, rows.count}, {0, 1}, 0);
  w.turned = std::make_shared<const Weight>(std::move(t));
}

void CpuBackend::gemm(View y, ConstView x, const Weight& w, Direction direction) {
  Product p = product(w, 0, w.out_features());
  if (w.packed && direction == Direction::forward) {
    const Prepared xs = prepared(panel_kernels(w), x);
    p.y = rows_of(y);
    p.M = x.rows();
    p.panels = panels_of(w);
    p.panel_kernels = &panel_kernels(w);
    p.prepared = xs.rows;
    return multiply({&p, 1}, direction);
  }
  if (in_pairs(w)) return gemm_in_pairs(y, x, w, 0, w.out_features(), direction);
  const Operand xs = operand(x);
  p.y = rows_of(y);
  p.x = xs.rows;
  p.M = x.rows();
  multiply({&p, 1}, direction);
}

void CpuBackend::gemm_heads(View y, ConstView x, const Weight& w, HeadRows rows, Direction direction) {
  const int64_t T = x.dim(0), H = x.dim(1), K = x.columns();
  if (w.turned && direction == Direction::transpose) {
    const int64_t count = w.in_features();
    return gemm_heads(y, x, *w.turned, {count, 0, count}, Direction::forward);
  }
  const bool whole_panels = (rows.stride | rows.begin | rows.count) % cpu::kPanelRows == 0;
  if (w.packed && direction == Direction::forward && whole_panels) {
    const cpu::PanelKernels& kernels = panel_kernels(w);
    const bool shared = x.strides[1] == 0;  // all heads get the same
    const int64_t prepared_rows = shared ? T : H * T;
    const Prepared xs = room(kernels, prepared_rows, K);  // [H, T, k]
    for_each_row(prepared_rows, K, [&](int64_t r) {
      kernels.prepare(static_cast<const float*>(x.data) + r / T * x.strides[1] + r % T * x.strides[0], K, 0, K,
                      xs.row(r));
    });
    std::vector<Product> products;
    for (int64_t h = 0; h < H; ++h) {
      const int64_t begin = h * rows.stride + rows.begin;
      Product p = product(w, begin, begin + rows.count);
      p.y = {static_cast<float*>(y.data) + h * y.strides[1], y.strides[0]};
      p.M = T;
      p.panels = panels_of(w);
      p.panel_kernels = &kernels;
      p.prepared = xs.from(shared ? 0 : h * T);
      products.push_back(p);
    }
    return multiply(products, direction);
  }
  if (in_pairs(w)) {
    for (int64_t h = 0; h < H; ++h)
      gemm_in_pairs(head_of(y, h), head_of(x, h), w, h * rows.stride + rows.begin, rows.count, direction);
    return;
  }
  // Rounded rows lie [T, H, k]; a view is used where it is.
  const bool copied = compute_ == Compute::bf16;
  const Operand xs = copied ? operand(x) : Operand{{static_cast<const float*>(x.data), x.strides[0]}, {}};
  const int64_t x_head = copied ? x.columns() : x.strides[1], x_row = copied ? H * x.columns() : x.strides[0];
  std::vector<Product> products;
  for (int64_t h = 0; h < H; ++h) {
    const int64_t begin = h * rows.stride + rows.begin;
    Product p = product(w, begin, begin + rows.count);
    p.y = {static_cast<float*>(y.data) + h * y.strides[1], y.strides[0]};
    p.x = {xs.rows.data + h * x_head, x_row};
    p.M = T;
    products.push_back(p);
  }
  multiply(products, direction);
}

void CpuBackend::outer_products(cpu::Rows dw, cpu::ConstRows dy, cpu::ConstRows x, int64_t T, int64_t N, int64_t K) {
  if (in_pairs()) return outer_in_pairs(dw, dy, x, T, N, K);
  const int64_t slabs = (K + kSlabColumns - 1) / kSlabColumns, blocks = (N + kOuterRows - 1) / kOuterRows;
  threads_->parallel_for(slabs * blocks, 1, [&](int64_t piece, int64_t) {
    const int64_t n = piece / slabs * kOuterRows, k = piece % slabs * kSlabColumns;
    for (int64_t t = 0; t < T; t += kOuterDepth)
      kernels_.outer({dw.data + n * dw.stride + k, dw.stride}, {dy.data + t * dy.stride + n, 1}, dy.stride,
                     {x.data + t * x.stride + k, x.stride}, std::min(kOuterRows, N - n), std::min(kSlabColumns, K - k),
                     std::min(kOuterDepth, T - t));
  });
}

void CpuBackend::gemm_backward_weight(View dw, ConstView dy, ConstView x) {
  const int64_t dy_stride = row_stride(dy), x_stride = row_stride(x);
  if (dy_stride < 0 || x_stride < 0) return ReferenceBackend::gemm_backward_weight(dw, dy, x);
  outer_products(rows_of(dw), {dy.row(0), dy_stride}, {x.row(0), x_stride}, x.rows(), dy.columns(), x.columns());
}

void CpuBackend::gemm_heads_backward_weight(View dw, ConstView dy, ConstView x, HeadRows rows, Direction direction) {
  const ConstView& narrow = direction == Direction::forward ? dy : x;  // [T, H, count]
  const ConstView& wide = direction == Direction::forward ? x : dy;    // [T, H, K]
  for (int64_t h = 0; h < x.dim(1); ++h)
    outer_products({dw.row(h * rows.stride + rows.begin), dw.strides[0]},
                   {narrow.row(0) + h * narrow.strides[1], narrow.strides[0]},
                   {wide.row(0) + h * wide.strides[1], wide.strides[0]}, x.dim(0), rows.count, wide.columns());
}

void CpuBackend::embedding(View y, ConstView ids, const Weight& table) {
  const Product p = product(table, 0, 0);
  for_each_row(y.rows(), y.columns(), [&](int64_t t) {
    const int64_t id = ids.row<int>(0)[t];
    kernels_.formats[p.format]->unpack(p.w, id, id + 1, 0, y.columns(), {y.row(t), 0});
  });
}

}  // namespace dure
