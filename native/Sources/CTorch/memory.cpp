// The CPU's memory for large tensors: freed blocks are kept and used again, so that a step does not fault in fresh pages
// for every product. The system's malloc gives blocks this large back at every free.
#include "host_memory.h"

#include "support.h"

#include <c10/core/CPUAllocator.h>

#include <malloc.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <unordered_map>
#include <vector>

namespace {

constexpr size_t large = 1 << 20;        // smaller tensors stay with LibTorch's own allocator
constexpr size_t granularity = 1 << 16;  // sizes are rounded up, so that nearly equal ones can share a block

// How many bytes there are, and the most there were since the last reset.
class Count {
public:
    void add(size_t bytes) {
        const size_t sum = now.fetch_add(bytes) + bytes;
        for (size_t before = most; before < sum && !most.compare_exchange_weak(before, sum);) {}
    }
    void remove(size_t bytes) { now -= bytes; }
    void reset() { most = now.load(); }
    size_t peak() const { return most; }

private:
    std::atomic<size_t> now{0}, most{0};
};

// What tensors of any size have, and with it what is kept for the next ones.
Count allocated, reserved;

// Blocks of mapped memory, in use or kept. Freed blocks are kept only while someone asks for reuse. What is in use when
// that begins, weights above all, counts as staying; what comes on top may hold a quarter more than was ever in use at
// once, or the largest block once more. Beyond it, the blocks kept longest go back to the system.
class Pool {
public:
    void *take(size_t bytes) {
        const size_t size = (bytes + granularity - 1) / granularity * granularity;
        const std::lock_guard lock(mutex);
        Block block = reused(size);
        if (!block.start) block = mapped(size);
        used[block.start] = block.size;
        // What is given back is noted without asking for memory.
        kept.reserve(kept.size() + used.size());
        in_use += block.size;
        allocated.add(block.size);
        return block.start;
    }

    // Whether the block is one of the pool's.
    bool give_back(void *start) {
        const std::lock_guard lock(mutex);
        const auto found = used.find(start);
        if (found == used.end()) return false;
        kept.push_back({start, found->second});
        in_use -= found->second;
        allocated.remove(found->second);
        used.erase(found);
        if (users == 0) shrink(0);
        return true;
    }

    void reuse(bool begins) {
        const std::lock_guard lock(mutex);
        if (begins && users == 0) {
            most_in_use = staying = in_use;
            largest = 0;
        }
        users += begins ? 1 : -1;
        if (users == 0) shrink(0);
    }

private:
    struct Block {
        void *start;
        size_t size;
    };

    // The smallest kept block that is large enough and not wastefully large.
    Block reused(size_t size) {
        auto best = kept.end();
        for (auto block = kept.begin(); block != kept.end(); ++block)
            if (block->size >= size && block->size <= size + size / 8 && (best == kept.end() || block->size < best->size))
                best = block;
        if (best == kept.end()) return {nullptr, 0};
        const Block block = *best;
        kept.erase(best);
        return block;
    }

    Block mapped(size_t size) {
        most_in_use = std::max(most_in_use, in_use + size);
        largest = std::max(largest, size);
        shrink(most_in_use + std::max((most_in_use - staying) / 4, largest) - size);
        void *start = map(size);
        if (start == MAP_FAILED) {
            shrink(0);
            start = map(size);
        }
        TORCH_CHECK_WITH(OutOfMemoryError, start != MAP_FAILED, "no room for a tensor of ", size, " bytes");
        held += size;
        reserved.add(size);
        return {start, size};
    }

    static void *map(size_t size) {
        return mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    }

    // Unmaps the blocks kept longest until no more than `limit` bytes are held, or none is kept.
    void shrink(size_t limit) {
        auto block = kept.begin();
        for (; block != kept.end() && held > limit; ++block) {
            munmap(block->start, block->size);
            held -= block->size;
            reserved.remove(block->size);
        }
        kept.erase(kept.begin(), block);
    }

    std::mutex mutex;
    std::unordered_map<void *, size_t> used;
    std::vector<Block> kept;  // in the order in which they were freed
    size_t in_use = 0, held = 0, most_in_use = 0, staying = 0, largest = 0;
    int users = 0;
};

// Never destroyed: tensors may outlive everything else.
Pool &pool = *new Pool;

void *take_small(size_t bytes) {
    void *start = c10::GetDefaultCPUAllocator()->raw_allocate(bytes);
    const size_t size = malloc_usable_size(start);
    allocated.add(size);
    reserved.add(size);
    return start;
}

// One deleter for small and large: oneDNN's calls give memory back without saying which it is.
void give_back(void *start) {
    if (pool.give_back(start)) return;
    const size_t size = malloc_usable_size(start);
    allocated.remove(size);
    reserved.remove(size);
    c10::GetDefaultCPUAllocator()->raw_deallocate(start);
}

struct Allocator final : c10::Allocator {
    c10::DataPtr allocate(size_t bytes) override {
        void *start = bytes < large ? take_small(bytes) : pool.take(bytes);
        return {start, start, give_back, c10::Device(c10::kCPU)};
    }

    c10::DeleterFnPtr raw_deleter() const override { return give_back; }

    void copy_data(void *target, const void *source, size_t bytes) const override {
        default_copy_data(target, source, bytes);
    }
};

// LibTorch's own has priority 0.
const bool installed = [] {
    c10::SetCPUAllocator(new Allocator, 1);
    return true;
}();

}  // namespace

void ct_reuse_memory(bool begins) {
    ct::attempt([&] { pool.reuse(begins); });
}

ct_device_memory ct::host_memory() {
    return {0, static_cast<int64_t>(allocated.peak()), static_cast<int64_t>(reserved.peak())};
}

void ct::reset_peak_host_memory() {
    allocated.reset();
    reserved.reset();
}
