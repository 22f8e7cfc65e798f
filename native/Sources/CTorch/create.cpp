// Making tensors, random numbers, and the way between host memory and devices.
#include "cuda.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/core/Generator.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/full.h>
#include <ATen/ops/randn.h>

#include <cstring>
#include <memory>

using namespace ct;

namespace {

size_t byte_count(const at::Tensor &tensor) { return tensor.numel() * tensor.element_size(); }

// A copy from the host to a card that is worth the way through memory of its own.
constexpr size_t large_copy = 1 << 20;

}  // namespace

ct_tensor ct_empty(const int64_t *s, size_t rank, ct_dtype dtype, int device) {
    return guard([&] { return at::empty(sizes(s, rank), options(dtype, device)); });
}

ct_tensor ct_full(const int64_t *s, size_t rank, double value, ct_dtype dtype, int device) {
    return guard([&] { return at::full(sizes(s, rank), value, options(dtype, device)); });
}

ct_tensor ct_arange(double start, double end, double step, ct_dtype dtype, int device) {
    return guard([&] { return at::arange(start, end, step, options(dtype, device)); });
}

ct_tensor ct_from_blob(void *data, const int64_t *s, size_t rank, ct_dtype dtype, void (*release)(void *),
                       void *context) {
    return guard([&] {
        // Whoever holds the last copy releases: the tensor's memory, or whatever of it there was when it failed.
        const std::shared_ptr<void> owner(context, release);
        return at::from_blob(data, sizes(s, rank), [owner](void *) {}, options(dtype, -1));
    });
}

ct_tensor ct_from_host(const void *data, const int64_t *s, size_t rank, ct_dtype dtype, int device) {
    return guard([&] {
        at::Tensor tensor = at::empty(sizes(s, rank), options(dtype, -1));
        if (const size_t bytes = byte_count(tensor)) std::memcpy(tensor.mutable_data_ptr(), data, bytes);
        return tensor.to(options(dtype, device).device());
    });
}

ct_tensor ct_read(int file, int64_t offset, const int64_t *s, size_t rank, ct_dtype stored, ct_dtype dtype, int device) {
    return guard([&] {
        return cuda().read(file, offset, sizes(s, rank), scalar_type(stored), device).to(scalar_type(dtype));
    });
}

ct_status ct_to_host(ct_tensor tensor, void *data, size_t bytes) {
    return run(
        [&]() -> ct_status {
            const at::Tensor host = borrow(tensor).to(at::kCPU).contiguous();
            TORCH_CHECK(byte_count(host) == bytes, "the tensor holds ", byte_count(host), " bytes, not ", bytes);
            if (bytes) std::memcpy(data, host.const_data_ptr(), bytes);
            return 0;
        },
        1);
}

ct_tensor ct_to(ct_tensor tensor, ct_dtype dtype, int device) {
    return guard([&] {
        const at::Tensor &source = borrow(tensor);
        if (device >= 0 && source.is_cpu() && byte_count(source) >= large_copy)
            return cuda().upload(source, device).to(scalar_type(dtype));
        return source.to(options(dtype, device));
    });
}

ct_generator ct_generator_new(uint64_t seed, int device) {
    return run(
        [&]() -> ct_generator {
            at::Generator generator = at::globalContext().defaultGenerator(options(CT_FLOAT32, device).device()).clone();
            generator.set_current_seed(seed);
            return reinterpret_cast<ct_generator>(generator.unsafeReleaseGeneratorImpl());
        },
        nullptr);
}

void ct_generator_release(ct_generator generator) {
    c10::raw::intrusive_ptr::decref(reinterpret_cast<c10::GeneratorImpl *>(generator));
}

ct_tensor ct_randn(const int64_t *s, size_t rank, ct_generator generator, ct_dtype dtype, int device) {
    return guard([&] {
        auto *source = reinterpret_cast<c10::GeneratorImpl *>(generator);
        const at::Generator borrowed(c10::intrusive_ptr<c10::GeneratorImpl>::reclaim_copy(source));
        return at::randn(sizes(s, rank), borrowed, options(dtype, device));
    });
}
