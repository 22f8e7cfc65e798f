// The CUDA half of the shim: device, stream, events, memory, and copies to the card.
#include "../CTorch/cuda.h"

#include "bus_ferry.h"
#include "nccl_group.h"
#include "peers.h"
#include "uploader.h"

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/csrc/distributed/c10d/Backend.hpp>

#include <map>
#include <memory>
#include <mutex>
#include <optional>

using namespace ct;

namespace {

class StreamMoment final : public Moment {
public:
    StreamMoment() : event(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT) {
        event.record(c10::cuda::getCurrentCUDAStream().unwrap());
    }

    double seconds_since(const Moment &earlier) const override {
        event.synchronize();
        return static_cast<const StreamMoment &>(earlier).event.elapsedTime(event) / 1000;
    }

private:
    c10::Event event;
};

// A second stream beside the calling thread's, and the moments at which one waits for the other.
class Aside {
public:
    void step() {
        main = c10::cuda::getCurrentCUDAStream();
        // Its kernels are small, and there are few of them: they come before those beside them.
        if (!side || side->device_index() != main->device_index()) side = c10::cuda::getStreamFromPool(true, main->device_index());
        wait(*side, *main);
        c10::cuda::setCurrentCUDAStream(*side);
    }

    void back() { c10::cuda::setCurrentCUDAStream(*main); }

    void join() { wait(*main, *side); }

private:
    static void wait(const c10::cuda::CUDAStream &later, const c10::cuda::CUDAStream &earlier) {
        c10::Event moment(c10::kCUDA, c10::EventFlag::PYTORCH_DEFAULT);
        moment.record(earlier.unwrap());
        moment.block(later.unwrap());
    }

    std::optional<c10::cuda::CUDAStream> main, side;
};

thread_local Aside aside;

// What was captured by one thread shares memory: nothing of it is alive between two replays but what was asked to stay.
class StreamGraph final : public Graph {
public:
    StreamGraph() : graph(true) { graph.capture_begin(pool->handle, cudaStreamCaptureModeThreadLocal); }

    ~StreamGraph() override {
        if (started) {
            static_cast<void>(cudaGraphExecDestroy(started));
        } else {
            try {
                graph.capture_end();
            } catch (const std::exception &) {
                // What ended it before was reported.
            }
        }
    }

    void end() override {
        graph.capture_end();
        // Kernels of the second stream come before those beside them here too, which LibTorch does not ask for.
        C10_CUDA_CHECK(cudaGraphInstantiate(&started, graph.raw_cuda_graph(), cudaGraphInstantiateFlagUseNodePriority));
    }

    void replay() override { C10_CUDA_CHECK(cudaGraphLaunch(started, c10::cuda::getCurrentCUDAStream())); }

private:
    struct Pool {
        const at::cuda::MempoolId_t handle = at::cuda::graph_pool_handle();
    };

    // LibTorch takes none whose last graph is gone.
    static std::shared_ptr<Pool> shared_pool() {
        thread_local std::weak_ptr<Pool> kept;
        auto pool = kept.lock();
        if (!pool) kept = pool = std::make_shared<Pool>();
        return pool;
    }

    // Longer than the graph.
    const std::shared_ptr<Pool> pool = shared_pool();
    at::cuda::CUDAGraph graph;
    cudaGraphExec_t started = nullptr;
};

class Half final : public Cuda {
public:
    Half() {
        at::Context &context = at::globalContext();
        context.lazyInitDevice(c10::kCUDA);
        // 32-bit floats are computed as such: convolutions would lose 13 bits of each factor.
        context.setAllowTF32CuDNN(false);
        context.setAllowTF32CuBLAS(false);
        // On Hopper cuDNN's attention is ahead of the others; where it does not apply, the next one is taken.
        context.setSDPPriorityOrder({static_cast<int64_t>(at::SDPBackend::cudnn_attention),
                                     static_cast<int64_t>(at::SDPBackend::flash_attention),
                                     static_cast<int64_t>(at::SDPBackend::efficient_attention),
                                     static_cast<int64_t>(at::SDPBackend::math)});
    }

    void enter(int device) override {
        c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
        c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(false, static_cast<c10::DeviceIndex>(device)));
    }

    void synchronize(int device) override {
        const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
        c10::cuda::device_synchronize();
    }

    void step_aside() override { aside.step(); }
    void step_back() override { aside.back(); }
    void join() override { aside.join(); }

    std::unique_ptr<Moment> now() override { return std::make_unique<StreamMoment>(); }

    std::unique_ptr<Graph> capture() override { return std::make_unique<StreamGraph>(); }

    ct_device_memory memory(int device) override {
        const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
        size_t free = 0, total = 0;
        C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
        const auto statistics = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
        const auto &allocated = statistics.allocated_bytes[aggregate], &reserved = statistics.reserved_bytes[aggregate];
        return {static_cast<int64_t>(free) + reserved.current, allocated.peak, reserved.peak};
    }

    void reset_peak_memory(int device) override {
        c10::cuda::CUDACachingAllocator::resetPeakStats(static_cast<c10::DeviceIndex>(device));
    }

    void reserve(int64_t bytes, int device) override {
        const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
        const auto statistics = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
        const int64_t kept = statistics.reserved_bytes[aggregate].current - statistics.allocated_bytes[aggregate].current;
        if (kept >= bytes) return;
        // What is kept in smaller pieces would lie idle beside it.
        c10::cuda::CUDACachingAllocator::emptyCache();
        try {
            at::empty({bytes}, at::TensorOptions(at::kByte).device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
        } catch (const c10::OutOfMemoryError &) {
            // Smaller pieces may be had.
        }
    }

    std::unique_ptr<Ferry> ferry(bool pinned) override { return std::make_unique<BusFerry>(pinned); }

    at::Tensor upload(const at::Tensor &host, int device) override {
        const std::lock_guard lock(mutex);
        return uploader(device)(host);
    }

    at::Tensor read(int file, int64_t offset, at::IntArrayRef sizes, at::ScalarType type, int device) override {
        const std::lock_guard lock(mutex);
        return uploader(device).read(file, offset, sizes, type);
    }

    c10::intrusive_ptr<c10d::Backend> group(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size,
                                            std::chrono::milliseconds timeout, int device) override {
        return nccl_group(store, rank, size, timeout, device);
    }

    std::unique_ptr<Peers> peers(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device) override {
        return connect_peers(store, rank, size, device);
    }

private:
    static constexpr size_t aggregate = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);

    Uploader &uploader(int device) {
        auto &uploader = uploaders[device];
        if (!uploader) uploader = std::make_unique<Uploader>(device);
        return *uploader;
    }

    std::mutex mutex;
    std::map<int, std::unique_ptr<Uploader>> uploaders;
};

}  // namespace

extern "C" CT_API Cuda *ct_cuda_half() {
    // Never destroyed: the driver may be gone before the last destructor.
    static Half &half = *new Half;
    return &half;
}
