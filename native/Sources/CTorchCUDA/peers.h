// Memory that the GPUs of one host write to each other's.
#pragma once

#include "../CTorch/cuda.h"

namespace ct {

// The memory of a group's ranks; waits for the others. None where some of them cannot reach the others'.
std::unique_ptr<Peers> connect_peers(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device);

}  // namespace ct
