// Groups of ranks over NCCL.
#pragma once

#include "../CTorch/cuda.h"

namespace ct {

// A group of which this rank has a GPU; waits for the others.
c10::intrusive_ptr<c10d::Backend> nccl_group(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                             std::chrono::milliseconds timeout, int device);

}  // namespace ct
