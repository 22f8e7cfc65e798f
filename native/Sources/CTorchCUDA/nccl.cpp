// Groups of ranks over NCCL, by LibTorch's c10d.
#define USE_C10D_NCCL
#include "nccl_group.h"

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

c10::intrusive_ptr<c10d::Backend> ct::nccl_group(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                                 std::chrono::milliseconds timeout, int device) {
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = timeout;
    auto group = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
    // At once, not at the first collective: so that a rank that cannot connect is known here.
    group->eagerConnectSingleDevice(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
    return group;
}
