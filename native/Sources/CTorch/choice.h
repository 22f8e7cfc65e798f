// Which of several ways to compute something is the fastest on this processor: measured once and remembered, since what a
// processor's instructions promise and what they give are two things.
#pragma once

#include <ATen/core/ScalarType.h>

#include <functional>
#include <string>
#include <vector>

namespace ct {

struct Way {
    const char *name;
    // Computes a small example once.
    std::function<void()> run;
};

// The place of the fastest way among `ways`. The first one stands unless another is `margin` times as fast, so that chance
// decides nothing. In this order it comes
//
//   from VISUALGEN_KERNELS, as "product.bfloat16=wide,attention.bfloat16=pairs",
//   from the user's cache, $XDG_CACHE_HOME/visualgen/kernels, a file for each kind of processor,
//   from a measurement of some milliseconds, which is then written there.
//
// The caller keeps the answer in a static: within a process it never changes.
size_t fastest(const char *kernel, at::ScalarType type, const std::vector<Way> &ways, double margin);

// A line for each choice made so far: "product bfloat16: wide (measured: plain 4.1 ms, wide 2.2 ms)".
std::string choices_made();

}  // namespace ct
