// Carries numbers over the bus, on a stream of its own.
#pragma once

#include "../CTorch/ferry.h"

#include "uploader.h"

#include <c10/core/Event.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include <sys/mman.h>

#include <map>
#include <memory>
#include <utility>
#include <vector>

namespace ct {

class BusFerry final : public Ferry {
public:
    // A card reads pinned memory, which the system may not move, by itself; of other memory threads copy it pieces there.
    explicit BusFerry(bool pinned)
        : stream(c10::cuda::getStreamFromPool(true)),
          uploader(pinned ? nullptr : std::make_unique<Uploader>(c10::cuda::current_device())) {}

    ~BusFerry() override {
        static_cast<void>(cudaStreamSynchronize(stream));
        for (const auto [start, bytes] : memory) {
            if (!uploader) static_cast<void>(cudaHostUnregister(start));
            munmap(start, bytes);
        }
    }

    // Of large pages, which are made and pinned many times faster than small ones. CUDA's own allocator has small ones.
    char *take(size_t bytes) override {
        constexpr size_t page = 2 << 20;
        const size_t size = (bytes + page - 1) / page * page;
        void *start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        TORCH_CHECK_WITH(OutOfMemoryError, start != MAP_FAILED, "the host has no ", size, " bytes for weights");
        memory.emplace_back(start, size);
        static_cast<void>(madvise(start, size, MADV_HUGEPAGE));
        // Pages are made by whoever touches them first: by several threads.
        parallel_for(0, static_cast<int64_t>(size / page), 1, [&](int64_t begin, int64_t end) {
            for (int64_t index = begin; index < end; ++index) static_cast<volatile char *>(start)[index * page] = 0;
        });
        if (!uploader) C10_CUDA_CHECK(cudaHostRegister(start, size, cudaHostRegisterDefault));
        return static_cast<char *>(start);
    }

    void store(char *host, const void *device, size_t bytes) override {
        const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream();
        C10_CUDA_CHECK(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, caller));
        caller.synchronize();
    }

    void fetch(size_t group, void *device, const char *host, size_t bytes) override {
        c10::Event &arrived = arrivals.try_emplace(group, c10::kCUDA).first->second;
        if (uploader) return uploader->copy(device, host, bytes, arrived);
        c10::Event used(c10::kCUDA);
        used.record(c10::cuda::getCurrentCUDAStream().unwrap());
        used.block(stream.unwrap());
        C10_CUDA_CHECK(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, stream));
        arrived.record(stream.unwrap());
    }

    void await(size_t group) override { arrivals.at(group).block(c10::cuda::getCurrentCUDAStream().unwrap()); }

    void await_all() override {
        for (auto &[group, arrived] : arrivals) arrived.block(c10::cuda::getCurrentCUDAStream().unwrap());
    }

    void give_back() override { c10::cuda::CUDACachingAllocator::emptyCache(); }

private:
    const c10::cuda::CUDAStream stream;
    const std::unique_ptr<Uploader> uploader;
    std::map<size_t, c10::Event> arrivals;
    std::vector<std::pair<void *, size_t>> memory;
};

}  // namespace ct
