// What the CUDA half of the shim does for the rest of it: device, stream and memory. Its kernels it registers with LibTorch's
// dispatcher when it is loaded. The half is a library of its own, libCTorchCUDA.so, so that one
// executable serves machines with and without a GPU; it is loaded when a GPU is first asked for.
#pragma once

#include "support.h"

#include <chrono>
#include <memory>

namespace c10d {
class Backend;
class Store;
}  // namespace c10d

namespace ct {

// A moment in the work of a GPU's stream.
class Moment {
public:
    virtual ~Moment() = default;
    // Seconds from an earlier moment to this one, which is waited for.
    virtual double seconds_since(const Moment &earlier) const = 0;
};

class Cuda {
public:
    // Makes a GPU and a stream of its own the calling thread's.
    virtual void enter(int device) = 0;
    // Waits until the GPU has done everything that it was given.
    virtual void synchronize(int device) = 0;
    // What the calling thread starts next runs on a second stream of its own, behind all that it has started.
    virtual void step_aside() = 0;
    // What it starts next runs on its first stream again.
    virtual void step_back() = 0;
    // What it starts next waits for the second stream.
    virtual void join() = 0;
    // This moment on the calling thread's stream.
    virtual std::unique_ptr<Moment> now() = 0;
    virtual ct_device_memory memory(int device) = 0;
    virtual void reset_peak_memory(int device) = 0;
    // A copy of a tensor of the host. It has been read when this returns; what the calling thread's stream does next waits
    // for the copy.
    virtual at::Tensor upload(const at::Tensor &host, int device) = 0;
    // A group of ranks over NCCL, of which this one has a GPU; waits for the others.
    virtual c10::intrusive_ptr<c10d::Backend> group(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                                    std::chrono::milliseconds timeout, int device) = 0;

protected:
    ~Cuda() = default;
};

// The loaded half; throws, and says why, if it cannot be loaded.
Cuda &cuda();

// The one symbol of libCTorchCUDA.so.
using CudaEntry = Cuda *();
constexpr const char *cuda_entry = "ct_cuda_half";

}  // namespace ct
