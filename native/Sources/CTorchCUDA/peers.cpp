// Memory of CUDA's inter-process communication: each rank of a host opens that of the others, and writes there.
#include "peers.h"

#include "placing.h"

#include <ATen/ops/from_blob.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <numeric>
#include <string>

using namespace ct;

namespace {

constexpr int64_t pack = sizeof(int4), alignment = 256, page = 2 << 20;

int64_t rounded(int64_t bytes, int64_t unit) { return (bytes + unit - 1) / unit * unit; }

// What ranks tell each other by the group's store, all of them each time.
class Talk {
public:
    using Word = std::vector<uint8_t>;

    Talk(c10::intrusive_ptr<c10d::Store> store, int rank, int size) : store(std::move(store)), rank(rank), size(size) {}

    // What each rank said, once all have.
    std::vector<Word> exchange(const Word &word) {
        const std::string round = "peers " + std::to_string(rounds++) + " ";
        store->set(round + std::to_string(rank), word);
        std::vector<Word> words;
        for (int other = 0; other < size; ++other) words.push_back(store->get(round + std::to_string(other)));
        return words;
    }

    bool all(bool is_so) {
        bool result = true;
        for (const Word &word : exchange({static_cast<uint8_t>(is_so)})) result = result && word[0];
        return result;
    }

private:
    const c10::intrusive_ptr<c10d::Store> store;
    const int rank, size;
    int rounds = 0;
};

// As many bytes on every rank's GPU, all of which this one may write to. What is not released stays as long as the process, for
// the others may have it open.
class Shared {
public:
    Shared(const Shared &) = delete;

    // None where a rank cannot open another's.
    static std::unique_ptr<Shared> make(int64_t bytes, Talk &talk, int rank, int size) {
        std::unique_ptr<Shared> shared(new Shared(bytes, rank, size));
        cudaIpcMemHandle_t handle;
        const bool can_share = cudaIpcGetMemHandle(&handle, shared->starts[rank]) == cudaSuccess;
        Talk::Word word(sizeof handle);
        if (can_share) std::memcpy(word.data(), &handle, sizeof handle);
        const auto words = talk.exchange(word);
        bool can_reach = can_share;
        for (int other = 0; other < size && can_reach; ++other) {
            if (other == rank) continue;
            std::memcpy(&handle, words[other].data(), sizeof handle);
            void *start = nullptr;
            can_reach = cudaIpcOpenMemHandle(&start, handle, cudaIpcMemLazyEnablePeerAccess) == cudaSuccess;
            if (can_reach) shared->starts[other] = static_cast<char *>(start);
        }
        // An error stays until it is asked for.
        static_cast<void>(cudaGetLastError());
        if (talk.all(can_reach)) return shared;
        release(std::move(shared), talk);
        return nullptr;
    }

    // Memory that others have open must not be freed: all close it first.
    static void release(std::unique_ptr<Shared> shared, Talk &talk) {
        shared->close();
        talk.all(true);
        C10_CUDA_CHECK(cudaFree(shared->starts[shared->rank]));
    }

    char *of(int other) const { return starts[other]; }

    const int64_t bytes;

private:
    Shared(int64_t bytes, int rank, int size) : bytes(bytes), rank(rank), starts(size) {
        void *start = nullptr;
        if (cudaMalloc(&start, bytes) != cudaSuccess) {
            static_cast<void>(cudaGetLastError());
            c10::cuda::CUDACachingAllocator::emptyCache();
            const cudaError_t error = cudaMalloc(&start, bytes);
            static_cast<void>(cudaGetLastError());
            TORCH_CHECK_WITH(OutOfMemoryError, error == cudaSuccess, "CUDA out of memory: ", bytes,
                             " bytes that ranks share");
        }
        starts[rank] = static_cast<char *>(start);
        C10_CUDA_CHECK(cudaMemset(start, 0, bytes));
        C10_CUDA_CHECK(cudaDeviceSynchronize());
    }

    void close() {
        for (int other = 0; other < static_cast<int>(starts.size()); ++other)
            if (other != rank && starts[other]) static_cast<void>(cudaIpcCloseMemHandle(starts[other]));
    }

    const int rank;
    std::vector<char *> starts;
};

class HostPeers final : public Peers {
public:
    HostPeers(std::unique_ptr<Shared> flags, Talk talk, int rank, int size, int device)
        : talk(std::move(talk)), flags(std::move(flags)), rank(rank), size(size), device(static_cast<c10::DeviceIndex>(device)),
          side(c10::cuda::getStreamFromPool(true, this->device)) {
        C10_CUDA_CHECK(cudaHostAlloc(reinterpret_cast<void **>(&is_over), sizeof(int), cudaHostAllocMapped));
        *is_over = 0;
        C10_CUDA_CHECK(cudaEventCreateWithFlags(&event, cudaEventDisableTiming));
    }

    // Bytes of the memory where ranks say what they have placed: for each slot a count of each rank, and a rank's own.
    static constexpr int64_t flag_bytes = slots * (Meeting::most_ranks + 1) * sizeof(uint32_t);

    bool fits(const Placing &placing) const override {
        // A part is never larger than the result that it goes into, and every rank knows all results.
        for (size_t i = 0; i < placing.tensors.size(); ++i) {
            const at::Tensor &x = placing.tensors[i];
            if (x.size(3) * x.element_size() % pack != 0) return false;
            for (int other = 0; other < size; ++other)
                if (count(placing, other, i) * x.element_size() / pack >= int64_t{1} << 31) return false;
        }
        return true;
    }

    std::vector<at::Tensor> place(int slot, bool aside, const Placing &placing) override {
        TORCH_CHECK(0 <= slot && slot < slots, "there is no slot ", slot);
        const c10::cuda::CUDAGuard guard(device);
        const c10::cuda::CUDAStream caller = c10::cuda::getCurrentCUDAStream(device);
        reserve(slot, placing);
        const c10::cuda::CUDAStream stream = aside ? side : caller;
        std::vector<at::Tensor> sources;
        for (const at::Tensor &x : placing.tensors) {
            sources.push_back(is_in_packs(x) ? x : x.contiguous());
            if (aside) c10::cuda::CUDACachingAllocator::recordStream(sources.back().storage().data_ptr(), side);
        }
        if (aside) follow(side, caller);
        std::vector<Placed> parts = placed(slot, placing, sources);
        // Copy engines are quick over the links and slow within the card: what stays here is placed at once.
        if (aside && std::all_of(parts.begin(), parts.end(), [](const Placed &part) { return part.heads == 1; })) {
            const auto others = std::partition(parts.begin(), parts.end(), [](const Placed &part) { return part.stays; });
            launch({parts.begin(), others}, caller);
            copy({others, parts.end()}, side);
        } else {
            launch(parts, stream);
        }
        C10_CUDA_CHECK(meet(meeting(slot), stream));
        return results(slot, placing);
    }

    void join() override { follow(c10::cuda::getCurrentCUDAStream(device), side); }

    int64_t moves() const override { return given_up; }

    void abort() override { *const_cast<volatile int *>(is_over) = 1; }

private:
    static bool is_in_packs(const at::Tensor &x) {
        bool result = x.stride(3) == 1 && reinterpret_cast<uintptr_t>(x.const_data_ptr()) % pack == 0;
        for (int axis = 0; axis < 3; ++axis) result = result && x.stride(axis) * x.element_size() % pack == 0;
        return result;
    }

    void follow(const c10::cuda::CUDAStream &later, const c10::cuda::CUDAStream &earlier) {
        C10_CUDA_CHECK(cudaEventRecord(event, earlier));
        C10_CUDA_CHECK(cudaStreamWaitEvent(later, event, 0));
    }

    // The numbers of a rank's result.
    static int64_t count(const Placing &placing, int rank, size_t tensor) {
        const auto shape = placing.shape(rank, tensor);
        return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
    }

    // Where each result of a rank begins in its slot, and behind the last one its end.
    static std::vector<int64_t> starts(const Placing &placing, int rank) {
        std::vector<int64_t> result{0};
        for (size_t i = 0; i < placing.tensors.size(); ++i)
            result.push_back(
                rounded(result.back() + count(placing, rank, i) * placing.tensors[i].element_size(), alignment));
        return result;
    }

    // Makes the slot as large as any rank needs it: all ranks find the same.
    void reserve(int slot, const Placing &placing) {
        int64_t bytes = 0;
        for (int other = 0; other < size; ++other) bytes = std::max(bytes, starts(placing, other).back());
        std::unique_ptr<Shared> &shared = buffers[slot];
        if (shared && shared->bytes >= bytes) return;
        // What was placed before may still be read, here and by the others.
        C10_CUDA_CHECK(cudaDeviceSynchronize());
        talk.all(true);
        if (shared) {
            Shared::release(std::move(shared), talk);
            ++given_up;
        }
        shared = Shared::make(rounded(bytes, page), talk, rank, size);
        TORCH_CHECK(shared, "GPUs no longer reach each other's memory");
    }

    std::vector<Placed> placed(int slot, const Placing &placing, const std::vector<at::Tensor> &sources) const {
        std::vector<Placed> result;
        // Each rank begins with another one, so that no link is waited for.
        for (int step = 0; step < size; ++step) {
            const int other = (rank + step) % size;
            const auto begin = starts(placing, other);
            for (const ct_part &part : placing.sending[other]) {
                if (part.tokens * part.heads == 0) continue;
                const at::Tensor &x = sources[part.tensor];
                const int64_t bytes = x.element_size(), row = x.size(3) * bytes;
                const auto [tokens, heads] = placing.sizes[other][part.tensor];
                Placed own{};
                own.stays = other == rank;
                own.from_batch = x.stride(0) * bytes, own.from_head = x.stride(1) * bytes, own.from_token = x.stride(2) * bytes;
                own.to_head = row, own.to_token = heads * row, own.to_batch = tokens * heads * row;
                own.from = static_cast<const char *>(x.const_data_ptr()) + part.from_token * own.from_token +
                           part.from_head * own.from_head;
                own.to = buffers[slot]->of(other) + begin[part.tensor] + part.to_token * own.to_token + part.to_head * row;
                // Heads that lie side by side are one row.
                const bool is_dense = own.from_head == row;
                own.batch = static_cast<uint32_t>(x.size(0)), own.tokens = static_cast<uint32_t>(part.tokens);
                own.heads = is_dense ? 1 : static_cast<uint32_t>(part.heads);
                own.packs = static_cast<uint32_t>((is_dense ? part.heads : 1) * row / pack);
                result.push_back(own);
            }
        }
        return result;
    }

    static void launch(const std::vector<Placed> &parts, cudaStream_t stream) {
        for (size_t start = 0; start < parts.size(); start += most_placed) {
            PlacedParts some;
            const size_t count = std::min<size_t>(parts.size() - start, most_placed);
            std::copy_n(parts.begin() + static_cast<int64_t>(start), count, some.parts);
            C10_CUDA_CHECK(ct::place(some, static_cast<int>(count), stream));
        }
    }

    // By the copy engines, which leave the multiprocessors to others.
    static void copy(const std::vector<Placed> &parts, cudaStream_t stream) {
        for (const Placed &part : parts)
            for (uint32_t item = 0; item < part.batch; ++item)
                C10_CUDA_CHECK(cudaMemcpy2DAsync(part.to + item * part.to_batch, part.to_token,
                                                 part.from + item * part.from_batch, part.from_token, part.packs * pack,
                                                 part.tokens, cudaMemcpyDeviceToDevice, stream));
    }

    Meeting meeting(int slot) const {
        Meeting result{};
        const auto counts = [&](int other) {
            return reinterpret_cast<uint32_t *>(flags->of(other)) + slot * (Meeting::most_ranks + 1);
        };
        for (int other = 0; other < size; ++other) result.of_rank[other] = counts(other);
        result.calls = counts(rank) + Meeting::most_ranks;
        result.is_over = is_over;
        result.rank = rank, result.size = size;
        return result;
    }

    std::vector<at::Tensor> results(int slot, const Placing &placing) const {
        std::vector<at::Tensor> tensors;
        const auto begin = starts(placing, rank);
        for (size_t i = 0; i < placing.tensors.size(); ++i)
            tensors.push_back(at::from_blob(buffers[slot]->of(rank) + begin[i], placing.shape(rank, i),
                                            placing.tensors[i].options()));
        return tensors;
    }

    Talk talk;
    const std::unique_ptr<Shared> flags;
    std::array<std::unique_ptr<Shared>, slots> buffers;
    const int rank, size;
    const c10::DeviceIndex device;
    const c10::cuda::CUDAStream side;
    int64_t given_up = 0;
    int *is_over = nullptr;
    cudaEvent_t event = nullptr;
};

// What tells one host from others; nothing where the system does not say.
std::string host() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string result;
    std::getline(file, result);
    return result;
}

}  // namespace

std::unique_ptr<Peers> ct::connect_peers(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device) {
    const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
    Talk talk(store, rank, size);
    const std::string own = host();
    for (const Talk::Word &word : talk.exchange(Talk::Word(own.begin(), own.end())))
        if (own.empty() || std::string(word.begin(), word.end()) != own) return nullptr;
    if (size > Meeting::most_ranks) return nullptr;
    auto flags = Shared::make(HostPeers::flag_bytes, talk, rank, size);
    if (!flags) return nullptr;
    return std::make_unique<HostPeers>(std::move(flags), std::move(talk), rank, size, device);
}
