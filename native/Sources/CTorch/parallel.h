// Loops over LibTorch's threads. LibTorch's own `at::parallel_for` is a template around a pragma of OpenMP: clang turns that
// into calls of another runtime than the one LibTorch has, and without OpenMP the template runs on one thread. This calls the
// runtime that LibTorch has, GNU's, as g++ would.
#pragma once

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <exception>

extern "C" {
void GOMP_parallel(void (*body)(void *), void *data, unsigned threads, unsigned flags);
int omp_get_num_threads();
int omp_get_thread_num();
}

namespace ct {

// Runs `body(begin, end)` over equal parts of a range, none of them smaller than `grain`, each on a thread of its own.
template <class Body> void parallel_for(int64_t begin, int64_t end, int64_t grain, const Body &body) {
    if (begin >= end) return;
    if (end - begin <= grain || at::get_num_threads() == 1 || at::in_parallel_region()) return body(begin, end);
    struct Region {
        int64_t begin, end, grain;
        const Body &body;
        std::atomic_flag failed;
        std::exception_ptr error;

        static void run(void *data) noexcept {
            Region &region = *static_cast<Region *>(data);
            const int64_t all = region.end - region.begin;
            const int64_t parts = std::min<int64_t>(omp_get_num_threads(), (all + region.grain - 1) / region.grain);
            const int64_t part = (all + parts - 1) / parts, from = region.begin + omp_get_thread_num() * part;
            if (from >= region.end) return;
            try {
                region.body(from, std::min(region.end, from + part));
            } catch (...) {
                if (!region.failed.test_and_set()) region.error = std::current_exception();
            }
        }
    } region{begin, end, grain, body, {}, {}};
    // As many threads as LibTorch uses.
    GOMP_parallel(Region::run, &region, 0, 0);
    if (region.error) std::rethrow_exception(region.error);
}

// Runs `body(next)` on every thread, where each call of `next` gives one more number below `count`, and then `count`: for work in
// pieces of which some take longer than others.
template <class Body> void parallel_pieces(int64_t count, const Body &body) {
    std::atomic<int64_t> taken = 0;
    const auto next = [&] { return std::min(count, taken.fetch_add(1)); };
    parallel_for(0, std::min<int64_t>(count, at::get_num_threads()), 1, [&](int64_t, int64_t) { body(next); });
}

}  // namespace ct
