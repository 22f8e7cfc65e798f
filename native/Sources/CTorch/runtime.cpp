// Errors, threads, reference counts, dtypes, and what a tensor is.
#include "support.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <ATen/cpu/Utils.h>
#include <c10/core/InferenceMode.h>

#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace {
thread_local std::string last_message;
thread_local ct_error_kind_t last_kind = CT_ERROR_OTHER;
thread_local std::optional<c10::InferenceMode> inference_mode;
}  // namespace

namespace ct {

thread_local constinit Witness *witness = nullptr;

void record_error(ct_error_kind_t kind, const char *message) noexcept {
    last_kind = kind;
    try {
        last_message = message;
    } catch (...) {
        last_message.clear();
    }
}

at::ScalarType scalar_type(ct_dtype dtype) {
    switch (dtype) {
    case CT_FLOAT64: return at::kDouble;
    case CT_FLOAT32: return at::kFloat;
    case CT_FLOAT16: return at::kHalf;
    case CT_BFLOAT16: return at::kBFloat16;
    case CT_FLOAT8_E4M3: return at::kFloat8_e4m3fn;
    case CT_FLOAT8_E5M2: return at::kFloat8_e5m2;
    case CT_INT64: return at::kLong;
    case CT_INT32: return at::kInt;
    case CT_INT16: return at::kShort;
    case CT_INT8: return at::kChar;
    case CT_UINT8: return at::kByte;
    case CT_BOOL: return at::kBool;
    }
    TORCH_CHECK(false, "unknown dtype code ", static_cast<int>(dtype));
}

static ct_dtype code(at::ScalarType type) {
    switch (type) {
    case at::kDouble: return CT_FLOAT64;
    case at::kFloat: return CT_FLOAT32;
    case at::kHalf: return CT_FLOAT16;
    case at::kBFloat16: return CT_BFLOAT16;
    case at::kFloat8_e4m3fn: return CT_FLOAT8_E4M3;
    case at::kFloat8_e5m2: return CT_FLOAT8_E5M2;
    case at::kLong: return CT_INT64;
    case at::kInt: return CT_INT32;
    case at::kShort: return CT_INT16;
    case at::kChar: return CT_INT8;
    case at::kByte: return CT_UINT8;
    case at::kBool: return CT_BOOL;
    default: TORCH_CHECK(false, "numbers of the type ", type, " have no code");
    }
}

at::TensorOptions options(ct_dtype dtype, int device) {
    const at::Device target = device < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<int8_t>(device));
    return at::TensorOptions().dtype(scalar_type(dtype)).device(target);
}

bool has_avx2() {
    static const bool result = has_avx512() || at::get_cpu_capability() == "AVX2";
    return result;
}

bool has_avx512() {
    static const bool result = at::get_cpu_capability().find("AVX512") != std::string::npos;
    return result;
}

bool has_avx512_bfloat16() {
#if defined(__x86_64__)
    static const bool result = has_avx512() && __builtin_cpu_supports("avx512bf16");
    return result;
#else
    return false;
#endif
}

bool has_avx512_float16() {
#if defined(__x86_64__)
    static const bool result = has_avx512() && __builtin_cpu_supports("avx512fp16");
    return result;
#else
    return false;
#endif
}

bool has_amx_bfloat16() {
#if defined(__x86_64__)
    static const bool result = [] {
        constexpr unsigned amx_bf16 = 1 << 22;
        unsigned eax, ebx, ecx, edx;
        // init_amx asks the system for leave to use the tiles' registers.
        return has_avx512_bfloat16() && __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && edx & amx_bf16 &&
               at::cpu::init_amx();
    }();
    return result;
#else
    return false;
#endif
}

}  // namespace ct

using namespace ct;

const char *ct_error_message(void) { return last_message.c_str(); }
ct_error_kind_t ct_error_kind(void) { return last_kind; }

void ct_enter_inference_mode(void) {
    attempt([] {
        if (!inference_mode) inference_mode.emplace(true);
    });
}

ct_status ct_set_threads(int count) {
    return attempt([&] {
        // A thread's first question sets it to what any thread was told last: it is asked before it is told.
        at::get_num_threads();
        at::set_num_threads(count);
    });
}

int ct_threads(void) {
    return run([] { return at::get_num_threads(); }, 1);
}

const char *ct_cpu_capability(void) {
    return run(
        []() -> const char * {
            static const std::string capability = at::get_cpu_capability();
            return capability.c_str();
        },
        "");
}

void ct_release(ct_tensor tensor) { c10::raw::intrusive_ptr::decref(reinterpret_cast<c10::TensorImpl *>(tensor)); }

int64_t ct_rank(ct_tensor tensor) { return borrow(tensor).dim(); }
int64_t ct_size(ct_tensor tensor, int64_t axis) {
    return run([&] { return borrow(tensor).size(axis); }, int64_t{-1});
}
int64_t ct_count(ct_tensor tensor) { return borrow(tensor).numel(); }
bool ct_is_contiguous(ct_tensor tensor) {
    return run([&] { return borrow(tensor).is_contiguous(); }, false);
}

int ct_device_of(ct_tensor tensor) {
    const at::Device device = borrow(tensor).device();
    return device.is_cpu() ? -1 : device.index();
}

ct_status ct_dtype_of(ct_tensor tensor, ct_dtype *dtype) {
    return attempt([&] { *dtype = code(borrow(tensor).scalar_type()); });
}
