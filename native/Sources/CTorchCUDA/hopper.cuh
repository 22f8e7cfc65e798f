// What Hopper alone has: barriers in shared memory that count bytes, copies that arrive there, and products of a group of four
// warps, whose sums lie in registers.
//
// A thread has two rows of a product's 64, `row` and `row + 8` of its warp's 16, where row is lane / 4, and two of each 8
// columns: sums[4 * i + 2 * half + one] is that of row + 8 * half and column 8 * i + 2 * (lane % 4) + one.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_fp8.h>

#include <cstdint>

namespace {

constexpr int group = 128;

__device__ uint32_t shared_address(const void *at) { return static_cast<uint32_t>(__cvta_generic_to_shared(at)); }

// Turns to its next phase when as many threads have arrived and all bytes that were expected are there.
struct Barrier {
    uint64_t state;

    __device__ void open(int arrivals) {
        asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(arrivals) : "memory");
    }

    __device__ void arrive() {
        asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(shared_address(this)) : "memory");
    }

    __device__ void arrive_and_expect(uint32_t bytes) {
        asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(shared_address(this)), "r"(bytes)
                     : "memory");
    }

    // Until the phase of this parity is over. Returns 1: what is computed from that is not computed before.
    __device__ uint32_t wait(uint32_t parity) {
        uint32_t is_over = 0;
        while (!is_over)
            asm volatile("{.reg .pred over; mbarrier.try_wait.parity.shared::cta.b64 over, [%1], %2; selp.u32 %0, 1, 0, over;}"
                         : "=r"(is_over)
                         : "r"(shared_address(this)), "r"(parity)
                         : "memory");
        return is_over;
    }
};

// Goes round the stages of shared memory; the parity is that of how often.
template <int stages> struct Round {
    int stage = 0;
    uint32_t parity = 0;

    __device__ void move() {
        if (++stage < stages) return;
        stage = 0;
        parity ^= 1;
    }
};

// Makes opened barriers visible to what copies.
__device__ void show_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

// Copies a multiple of 16 bytes, which the barrier counts.
__device__ void copy(void *to, const void *from, uint32_t bytes, Barrier &barrier) {
    asm volatile("cp.async.bulk.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1], %2, [%3];" ::"r"(
                     shared_address(to)),
                 "l"(from), "r"(bytes), "r"(shared_address(&barrier))
                 : "memory");
}

// Copies what `from` says is a box, which begins at these places of its four axes, in the order that products expect. The barrier
// counts the whole box, also where there is nothing, which becomes zeros.
__device__ void copy_box(void *to, const CUtensorMap &from, int column, int row, int head, int item, Barrier &barrier) {
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes"
                 " [%0], [%1, {%2, %3, %4, %5}], [%6];" ::"r"(shared_address(to)),
                 "l"(&from), "r"(column), "r"(row), "r"(head), "r"(item), "r"(shared_address(&barrier))
                 : "memory");
}

// A warp group gives registers away, or takes them.
template <int count> __device__ void shrink_to() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(count)); }
template <int count> __device__ void grow_to() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(count)); }

// Rows of an operand in shared memory, `bytes` (64 or 128) each; they begin at a multiple of 1024 bytes. The products expect
// the 16-byte pieces of a row in another order than they have: this is where a byte of a row lies.
template <int bytes> __host__ __device__ constexpr int swizzled(int row, int byte) {
    const int line = row * bytes;
    return line + (byte ^ (line / 128 % (bytes / 16) * 16));
}

// How long those rows are: wider ones lie in parts, one for all rows after the other.
template <class Number, int width> constexpr int row_bytes = width * sizeof(Number) < 128 ? width * sizeof(Number) : 128;

// What products are told of such an operand. The next 32 bytes of all rows are those of the descriptor plus 2.
template <int bytes> __device__ uint64_t operand(const void *start) {
    constexpr uint64_t layout = bytes == 128 ? 1 : 2, eight_rows = 8 * bytes;
    return layout << 62 | eight_rows / 16 << 32 | 1 << 16 | (shared_address(start) & 0x3ffff) / 16;
}

// The same of an operand whose rows of 128 bytes are summed over, with the next 64 columns in another part of so many bytes. The
// next 16 rows are those of the descriptor plus 128.
__device__ uint64_t operand_by_rows(const void *start, uint64_t part_bytes) {
    constexpr uint64_t eight_rows = 8 * 128;
    return uint64_t(1) << 62 | eight_rows / 16 << 32 | part_bytes / 16 << 16 | (shared_address(start) & 0x3ffff) / 16;
}

// Registers written before this are the products' from here on.
__device__ void begin_products() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
// What was begun so far is a batch.
__device__ void end_batch() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

#define CT_4(c, x, i) c(x[i]), c(x[i + 1]), c(x[i + 2]), c(x[i + 3])
#define CT_16(c, x, i) CT_4(c, x, i), CT_4(c, x, i + 4), CT_4(c, x, i + 8), CT_4(c, x, i + 12)
#define CT_32(c, x) CT_16(c, x, 0), CT_16(c, x, 16)
#define CT_64(c, x) CT_32(c, x), CT_16(c, x, 32), CT_16(c, x, 48)
#define CT_88(c, x) CT_64(c, x), CT_16(c, x, 64), CT_4(c, x, 80), CT_4(c, x, 84)
#define CT_FIRST_32                                                                                                    \
    "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, %22, %23, "   \
    "%24, %25, %26, %27, %28, %29, %30, %31"
#define CT_FIRST_64                                                                                                    \
    CT_FIRST_32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47, %48, %49, %50, "    \
                "%51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"

#define CT_FIRST_88                                                                                                    \
    CT_FIRST_64 ", %64, %65, %66, %67, %68, %69, %70, %71, %72, %73, %74, %75, %76, %77, %78, %79, %80, %81, %82, "    \
                "%83, %84, %85, %86, %87"

// Waits until no more than so many batches are under way. It names the sums, so that none of them is read before.
template <int under_way> __device__ void finish(uint32_t (&sums)[64]) {
    asm volatile("wgmma.wait_group.sync.aligned %64;" : CT_64("+r", sums) : "n"(under_way) : "memory");
}
template <int under_way> __device__ void finish(uint32_t (&sums)[32]) {
    asm volatile("wgmma.wait_group.sync.aligned %32;" : CT_32("+r", sums) : "n"(under_way) : "memory");
}

template <int under_way> __device__ void finish(float (&sums)[88]) {
    asm volatile("wgmma.wait_group.sync.aligned %88;" : CT_88("+f", sums) : "n"(under_way) : "memory");
}
template <int under_way> __device__ void finish(float (&sums)[64]) {
    asm volatile("wgmma.wait_group.sync.aligned %64;" : CT_64("+f", sums) : "n"(under_way) : "memory");
}
template <int under_way> __device__ void finish(float (&sums)[32]) {
    asm volatile("wgmma.wait_group.sync.aligned %32;" : CT_32("+f", sums) : "n"(under_way) : "memory");
}

// sums = rows · columns, or sums + that, over 32 bytes of 64 rows and of 128 columns, both in shared memory. Sums are bits of
// int32 for int8, and of float32.
#define CT_DEFINE_PRODUCT(Number, operation, rest)                                                                     \
    __device__ void multiply(Number, uint64_t rows, uint64_t columns, bool add, uint32_t (&sums)[64]) {                \
        asm volatile("{.reg .pred add; setp.ne.b32 add, %66, 0; wgmma.mma_async.sync.aligned.m64n128" operation        \
                     " {" CT_FIRST_64 "}, %64, %65, add" rest ";}"                                                     \
                     : CT_64("+r", sums)                                                                               \
                     : "l"(rows), "l"(columns), "r"(static_cast<int>(add)));                                           \
    }
CT_DEFINE_PRODUCT(int8_t, "k32.s32.s8.s8", "")
CT_DEFINE_PRODUCT(__nv_fp8_e4m3, "k32.f32.e4m3.e4m3", ", 1, 1")
CT_DEFINE_PRODUCT(__half, "k16.f32.f16.f16", ", 1, 1, 0, 0")
CT_DEFINE_PRODUCT(__nv_bfloat16, "k16.f32.bf16.bf16", ", 1, 1, 0, 0")

// The same of E4M3 and 128 or 64 columns, with rows in registers: a thread's bytes of rows[2 * half + low] are of row + 8 * low
// and places 16 * half + 4 * (lane % 4) + 0 to 3.
__device__ void multiply(const uint32_t (&rows)[4], uint64_t columns, bool add, uint32_t (&sums)[64]) {
    asm volatile("{.reg .pred add; setp.ne.b32 add, %69, 0; wgmma.mma_async.sync.aligned.m64n128k32.f32.e4m3.e4m3 {" CT_FIRST_64
                 "}, {%64, %65, %66, %67}, %68, add, 1, 1;}"
                 : CT_64("+r", sums)
                 : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "l"(columns), "r"(static_cast<int>(add)));
}
__device__ void multiply(const uint32_t (&rows)[4], uint64_t columns, bool add, uint32_t (&sums)[32]) {
    asm volatile("{.reg .pred add; setp.ne.b32 add, %37, 0; wgmma.mma_async.sync.aligned.m64n64k32.f32.e4m3.e4m3 {" CT_FIRST_32
                 "}, {%32, %33, %34, %35}, %36, add, 1, 1;}"
                 : CT_32("+r", sums)
                 : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "l"(columns), "r"(static_cast<int>(add)));
}

// The same of 16 numbers of 16 bits: of 176 columns with rows in shared memory, and of 128 or 64 columns with rows in registers,
// where the columns' rows are summed over. A thread's pairs of rows[2 * half + low] are of row + 8 * low and places
// 8 * half + 2 * (lane % 4) + 0 and 1.
#define CT_DEFINE_PRODUCTS(Number, type)                                                                               \
    __device__ void multiply(Number, uint64_t rows, uint64_t columns, bool add, float (&sums)[88]) {                   \
        asm volatile("{.reg .pred add; setp.ne.b32 add, %90, 0; wgmma.mma_async.sync.aligned.m64n176k16.f32." type     \
                     " {" CT_FIRST_88 "}, %88, %89, add, 1, 1, 0, 0;}"                                                 \
                     : CT_88("+f", sums)                                                                               \
                     : "l"(rows), "l"(columns), "r"(static_cast<int>(add)));                                           \
    }                                                                                                                  \
    __device__ void multiply(Number, const uint32_t (&rows)[4], uint64_t columns, bool add, float (&sums)[64]) {       \
        asm volatile("{.reg .pred add; setp.ne.b32 add, %69, 0; wgmma.mma_async.sync.aligned.m64n128k16.f32." type     \
                     " {" CT_FIRST_64 "}, {%64, %65, %66, %67}, %68, add, 1, 1, 1;}"                                   \
                     : CT_64("+f", sums)                                                                               \
                     : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "l"(columns),                           \
                       "r"(static_cast<int>(add)));                                                                    \
    }                                                                                                                  \
    __device__ void multiply(Number, const uint32_t (&rows)[4], uint64_t columns, bool add, float (&sums)[32]) {       \
        asm volatile("{.reg .pred add; setp.ne.b32 add, %37, 0; wgmma.mma_async.sync.aligned.m64n64k16.f32." type      \
                     " {" CT_FIRST_32 "}, {%32, %33, %34, %35}, %36, add, 1, 1, 1;}"                                   \
                     : CT_32("+f", sums)                                                                               \
                     : "r"(rows[0]), "r"(rows[1]), "r"(rows[2]), "r"(rows[3]), "l"(columns),                           \
                       "r"(static_cast<int>(add)));                                                                    \
    }
CT_DEFINE_PRODUCTS(__half, "f16.f16")
CT_DEFINE_PRODUCTS(__nv_bfloat16, "bf16.bf16")

__device__ float power_of_2(float x) {
    float result;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
    return result;
}

// Of the four threads that have a row of sums.
__device__ float largest_of_row(float x) {
    x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
    return fmaxf(x, __shfl_xor_sync(~0u, x, 2));
}
__device__ float sum_of_row(float x) {
    x += __shfl_xor_sync(~0u, x, 1);
    return x + __shfl_xor_sync(~0u, x, 2);
}

}  // namespace
