// What the CUDA half of the shim does for the rest of it: device, stream and memory. Its kernels it registers with LibTorch's
// dispatcher when it is loaded. The half is a library of its own, libCTorchCUDA.so, so that one
// executable serves machines with and without a GPU; it is loaded when a GPU is first asked for.
#pragma once

#include "ferry.h"
#include "support.h"

#include <ctorch/groups.h>

#include <chrono>
#include <memory>
#include <vector>

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

// What a stream was given to do, kept to be done again.
class Graph {
public:
    virtual ~Graph() = default;
    // Nothing more belongs to it.
    virtual void end() = 0;
    virtual void replay() = 0;
};

// Tensors [batch, heads, tokens, width] whose parts go into tensors [batch, tokens, heads, width] of every rank.
struct Placing {
    std::vector<at::Tensor> tensors;
    // Tokens and heads of each rank's result for each tensor, [rank][tensor].
    std::vector<std::vector<std::pair<int64_t, int64_t>>> sizes;
    // What goes to each rank, and what comes from each.
    std::vector<std::vector<ct_part>> sending, receiving;

    std::vector<int64_t> shape(int rank, size_t tensor) const {
        const auto [tokens, heads] = sizes[rank][tensor];
        return {tensors[tensor].size(0), tokens, heads, tensors[tensor].size(3)};
    }
};

// Memory on the GPUs of one host that each of their ranks writes to.
class Peers {
public:
    static constexpr int slots = 4;

    virtual ~Peers() = default;
    // Whether rows are such as can be written; all ranks find the same.
    virtual bool fits(const Placing &placing) const = 0;
    // Places what goes to each rank and has the stream wait for what comes: the calling thread's, or with `aside` one that runs
    // beside it. The results lie in the slot's memory.
    virtual std::vector<at::Tensor> place(int slot, bool aside, const Placing &placing) = 0;
    // The calling thread's stream waits for the one beside it.
    virtual void join() = 0;
    // How often memory was given up for more, of which captured graphs may have been.
    virtual int64_t moves() const = 0;
    // Lets what waits for other ranks end, from any thread.
    virtual void abort() = 0;
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
    // From here on the calling thread's stream keeps what it is given.
    virtual std::unique_ptr<Graph> capture() = 0;
    virtual ct_device_memory memory(int device) = 0;
    virtual void reset_peak_memory(int device) = 0;
    // Memory in one piece, of which the tensors that the calling thread makes next are cut; none if there is no such piece.
    virtual void reserve(int64_t bytes, int device) = 0;
    // Between the host's memory and the GPU that the calling thread has entered.
    virtual std::unique_ptr<Ferry> ferry(bool pinned) = 0;
    // A copy of a tensor of the host. It has been read when this returns; what the calling thread's stream does next waits
    // for the copy.
    virtual at::Tensor upload(const at::Tensor &host, int device) = 0;
    // A tensor whose bytes begin somewhere in a file, in the same way.
    virtual at::Tensor read(int file, int64_t offset, at::IntArrayRef sizes, at::ScalarType type, int device) = 0;
    // A group of ranks over NCCL, of which this one has a GPU; waits for the others.
    virtual c10::intrusive_ptr<c10d::Backend> group(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                                    std::chrono::milliseconds timeout, int device) = 0;
    // The memory of the GPUs of a group's ranks; none where some of them cannot reach the others'.
    virtual std::unique_ptr<Peers> peers(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device) = 0;

protected:
    ~Cuda() = default;
};

// The loaded half; throws, and says why, if it cannot be loaded.
Cuda &cuda();

// The one symbol of libCTorchCUDA.so.
using CudaEntry = Cuda *();
constexpr const char *cuda_entry = "ct_cuda_half";

}  // namespace ct
