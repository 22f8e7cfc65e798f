// What every file of the shim needs: borrowing and giving tensors, and the guard that turns exceptions into NULL.
#pragma once

#include "ctorch.h"

#include <ATen/core/Tensor.h>
#include <c10/util/Exception.h>

#include <exception>
#include <new>
#include <optional>
#include <string_view>

namespace ct {

void record_error(ct_error_kind_t kind, const char *message) noexcept;
// The same for what failed between ranks.
void record_peer_error(const c10::DistError &error) noexcept;

// A handle is a TensorImpl that carries one reference; what borrows it has one of its own meanwhile.
inline at::Tensor borrow(ct_tensor tensor) {
    using Pointer = c10::intrusive_ptr<c10::TensorImpl, c10::UndefinedTensorImpl>;
    return at::Tensor(Pointer::reclaim_copy(reinterpret_cast<c10::TensorImpl *>(tensor)));
}

inline std::optional<at::Tensor> optional(const ct_tensor &tensor) {
    return tensor ? std::optional<at::Tensor>(borrow(tensor)) : std::nullopt;
}

// Told of every tensor that the calling thread makes.
class Witness {
public:
    virtual void made(const at::Tensor &tensor) = 0;

protected:
    ~Witness() = default;
};

// The calling thread's; none at first.
extern thread_local constinit Witness *witness;

inline ct_tensor give(at::Tensor &&tensor) {
    if (witness) witness->made(tensor);
    return reinterpret_cast<ct_tensor>(tensor.unsafeReleaseTensorImpl());
}

inline at::IntArrayRef sizes(const int64_t *values, size_t count) { return at::IntArrayRef(values, count); }

at::ScalarType scalar_type(ct_dtype dtype);
at::TensorOptions options(ct_dtype dtype, int device);

template <class Body> auto run(Body &&body, decltype(body()) failed) noexcept -> decltype(body()) {
    try {
        return body();
    } catch (const c10::OutOfMemoryError &error) {
        record_error(CT_ERROR_OUT_OF_MEMORY, error.what_without_backtrace());
    } catch (const c10::DistError &error) {
        record_peer_error(error);
    } catch (const c10::Error &error) {
        const char *message = error.what_without_backtrace();
        // The CPU allocator reports exhaustion as a plain error.
        const bool memory = std::string_view(message).find("DefaultCPUAllocator") != std::string_view::npos;
        record_error(memory ? CT_ERROR_OUT_OF_MEMORY : CT_ERROR_OTHER, message);
    } catch (const std::bad_alloc &) {
        record_error(CT_ERROR_OUT_OF_MEMORY, "the host is out of memory");
    } catch (const std::exception &error) {
        record_error(CT_ERROR_OTHER, error.what());
    } catch (...) {
        record_error(CT_ERROR_OTHER, "an exception of unknown type");
    }
    return failed;
}

// What LibTorch uses of this processor, which a user may lower by ATEN_CPU_CAPABILITY.
bool has_avx2();
bool has_avx512();
// Whether one instruction multiplies pairs of bfloat16.
bool has_avx512_bfloat16();
// Whether one instruction multiplies tiles of bfloat16.
bool has_amx_bfloat16();
// Whether vectors of float16 are multiplied as they are.
bool has_avx512_float16();

// A convolution over as many axes as there are strides. On a GPU the factors of 32-bit floats are rounded to TF32 if the calling
// thread may do so: LibTorch's own switch is the whole process's.
at::Tensor convolve(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                    at::IntArrayRef strides, at::IntArrayRef paddings);

// GELU by its approximation with tanh.
void gelu_tanh_in_place(at::Tensor &x);

// Runs a body that makes nothing.
template <class Body> ct_status attempt(Body &&body) noexcept {
    return run(
        [&]() -> ct_status {
            body();
            return 0;
        },
        1);
}

// Runs a body that makes a tensor.
template <class Body> ct_tensor guard(Body &&body) noexcept {
    return run([&]() -> ct_tensor { return give(body()); }, nullptr);
}

}  // namespace ct
