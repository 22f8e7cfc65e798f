// Groups of ranks by LibTorch's c10d: Gloo between CPUs, which lies in libtorch_cpu.so, and NCCL between GPUs.
#define USE_C10D_GLOO
#include "cuda.h"
#include "stores.h"

#include <ATen/ops/empty.h>
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <numeric>

using namespace ct;
using c10d::Backend;
using c10d::Work;

namespace {

using Counts = std::vector<int64_t>;

// What LibTorch and NCCL read from the environment, unless it is set. No thread runs yet that could read it meanwhile.
[[gnu::constructor]] void set_environment() {
    const std::pair<const char *, const char *> defaults[] = {
        // Errors come back to the caller: c10d would print each with a stack trace as well.
        {"TORCH_CPP_LOG_LEVEL", "FATAL"},
        // Multicast between GPUs hangs in virtual machines that do not offer it.
        {"NCCL_NVLS_ENABLE", "0"},
        {"TORCH_SYMM_MEM_DISABLE_MULTICAST", "1"},
        {"NVSHMEM_DISABLE_NVLS", "1"},
        // A group past its time-out ends the process: at once, and without a record that it would wait a minute for.
        {"TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC", "100"},
        {"TORCH_NCCL_DUMP_ON_TIMEOUT", "0"},
        {"TORCH_FR_BUFFER_SIZE", "0"},
    };
    for (const auto &[name, value] : defaults) setenv(name, value, 0);
}

int64_t total(const Counts &counts) {
    int64_t sum = 0;
    for (const int64_t count : counts) {
        TORCH_CHECK(count >= 0, "there cannot be ", count, " rows");
        TORCH_CHECK(!__builtin_add_overflow(sum, count, &sum), "there are too many rows");
    }
    return sum;
}

// A contiguous tensor's rows as bytes, `[rows, bytes of a row]`: so every type may travel.
at::Tensor bytes(const at::Tensor &x) {
    const auto lengths = x.sizes().slice(1);
    const int64_t width = std::accumulate(lengths.begin(), lengths.end(), int64_t{1}, std::multiplies<>());
    return x.view({x.size(0), width}).view(at::kByte);
}

// A tensor of its type and place for some rows like its own, `[rows, …]`.
at::Tensor rows_like(const at::Tensor &x, int64_t rows) {
    std::vector<int64_t> lengths = x.sizes().vec();
    lengths[0] = rows;
    return at::empty(lengths, x.options());
}

void require_sums(const at::Tensor &x) {
    TORCH_CHECK(!isFloat8Type(x.scalar_type()), "floats of 8 bits cannot be summed");
}

}  // namespace

struct ct_pending_s {
    at::Tensor received;
    // None if it is there already.
    c10::intrusive_ptr<Work> work;
    // What makes the results of what is received, or has the stream wait for those that are placed; none if it is the result.
    std::function<std::vector<at::Tensor>(const at::Tensor &)> finish;
};

struct ct_group_s {
    // None in a group of one.
    c10::intrusive_ptr<Backend> backend;
    int rank, size;
    // -1 for Gloo.
    int device;
    // Between GPUs of one host.
    std::unique_ptr<Peers> peers;
    // Whether an error or `abort` has ended it.
    std::atomic<bool> is_over = false;

    // Runs what needs the other ranks. Any failure ends the group, for they may be anywhere in the call. What fails in Gloo is of
    // no type of LibTorch's.
    template <class Body> auto reach(Body &&body) -> decltype(body()) {
        if (is_over) C10_THROW_ERROR(DistBackendError, "the group has ended before");
        try {
            return body();
        } catch (const std::exception &error) {
            is_over = true;
            if (dynamic_cast<const c10::Error *>(&error) || dynamic_cast<const std::bad_alloc *>(&error)) throw;
            C10_THROW_ERROR(DistBackendError, error.what());
        }
    }

    // Waits on the CPU; on a GPU the calling thread's stream does.
    void wait(const c10::intrusive_ptr<Work> &work) {
        if (!work->wait()) C10_THROW_ERROR(DistBackendError, "it was aborted");
    }

    void require_place(const at::Tensor &x) const {
        const at::Device place = x.device();
        TORCH_CHECK(device < 0 ? place.is_cpu() : place.is_cuda() && place.index() == device, "the tensor is on ", place,
                    ", the group's are on ", device < 0 ? std::string("cpu") : "cuda:" + std::to_string(device));
    }

    void require_rank(int other) const {
        TORCH_CHECK(0 <= other && other < size, "the group has no rank ", other, " but ", size, " from 0");
    }

    Counts counts(const int64_t *values, size_t ranks) const {
        TORCH_CHECK(ranks == static_cast<size_t>(size), ranks, " counts of rows for ", size, " ranks");
        return Counts(values, values + ranks);
    }

    // Sends rows of `x` to each rank and receives rows from each.
    ct_pending_s all_to_all(const at::Tensor &x, const Counts &sending, const Counts &receiving) {
        require_place(x);
        TORCH_CHECK(x.dim() > 0, "a single number has no rows");
        TORCH_CHECK(total(sending) == x.size(0), "counts of ", total(sending), " rows for a tensor of ", x.size(0));
        TORCH_CHECK(sending[rank] == receiving[rank], "the rank sends itself ", sending[rank], " rows and receives ",
                    receiving[rank]);
        const int64_t rows = total(receiving);
        if (size == 1) return {x, {}};
        const at::Tensor whole = x.contiguous(), result = rows_like(x, rows);
        at::Tensor input = bytes(whole), output = bytes(result);
        // Gloo moves the counts away.
        Counts out = receiving, in = sending;
        if (input.size(1) == 0) return {result, {}};
        return {result, reach([&] { return backend->alltoall_base(output, input, out, in); })};
    }

    std::vector<at::Tensor> results(const ct_pending_s &pending) {
        if (pending.work) reach([&] { wait(pending.work); });
        if (!pending.finish) return {pending.received};
        return reach([&] { return pending.finish(pending.received); });
    }

    // Rows [batch, tokens, heads, width] of a part, of a tensor whose tokens and heads are those axes.
    static at::Tensor rows(const at::Tensor &x, const ct_part &part, int64_t token, int64_t head) {
        return x.narrow(1, token, part.tokens).narrow(2, head, part.heads);
    }

    // Parts of tensors into those of every rank: into the memory of GPUs that can be reached, else packed for an all-to-all.
    ct_pending_s place(int slot, bool aside, Placing placing) {
        for (const at::Tensor &x : placing.tensors) require_place(x);
        if (peers && peers->fits(placing)) {
            auto results = reach([&] { return peers->place(slot, aside, placing); });
            return {{}, {}, [this, aside, results](const at::Tensor &) {
                if (aside) peers->join();
                return results;
            }};
        }
        const at::Tensor &first = placing.tensors[0];
        const int64_t row = first.size(0) * first.size(3);
        const auto count = [](const std::vector<std::vector<ct_part>> &parts) {
            Counts counts;
            for (const auto &of_rank : parts) {
                counts.push_back(0);
                for (const ct_part &part : of_rank) counts.back() += part.tokens * part.heads;
            }
            return counts;
        };
        const Counts sending = count(placing.sending), receiving = count(placing.receiving);
        const at::Tensor packed = at::empty({total(sending), row}, first.options());
        int64_t start = 0;
        const auto next = [&](const at::Tensor &buffer, const ct_part &part) {
            const int64_t rows = part.tokens * part.heads;
            start += rows;
            return buffer.narrow(0, start - rows, rows).view({first.size(0), part.tokens, part.heads, first.size(3)});
        };
        for (const auto &parts : placing.sending)
            for (const ct_part &part : parts)
                next(packed, part).copy_(rows(placing.tensors[part.tensor].transpose(1, 2), part, part.from_token, part.from_head));
        ct_pending_s pending = all_to_all(packed, sending, receiving);
        pending.finish = [this, placing = std::move(placing)](const at::Tensor &received) {
            std::vector<at::Tensor> results;
            for (size_t tensor = 0; tensor < placing.tensors.size(); ++tensor)
                results.push_back(at::empty(placing.shape(rank, tensor), received.options()));
            int64_t start = 0;
            for (const auto &parts : placing.receiving) {
                for (const ct_part &part : parts) {
                    const at::Tensor target = rows(results[part.tensor], part, part.to_token, part.to_head);
                    const int64_t count = part.tokens * part.heads;
                    target.copy_(received.narrow(0, start, count).view(target.sizes()));
                    start += count;
                }
            }
            return results;
        };
        return pending;
    }

    at::Tensor all_reduce(const at::Tensor &x) {
        require_place(x);
        require_sums(x);
        if (size == 1 || x.numel() == 0) return x;
        // Neither backend knows numbers of 16 bits, and sums of flags are maxima.
        const bool is_short = x.scalar_type() == at::kShort, is_flag = x.scalar_type() == at::kBool;
        const at::Tensor sum = is_short ? x.to(at::kInt).contiguous() : x.clone(at::MemoryFormat::Contiguous);
        std::vector<at::Tensor> tensors{is_flag ? sum.view(at::kByte) : sum};
        c10d::AllreduceOptions options;
        if (is_flag) options.reduceOp = c10d::ReduceOp::MAX;
        reach([&] { wait(backend->allreduce(tensors, options)); });
        return is_short ? sum.to(at::kShort) : sum;
    }

    at::Tensor all_gather(const at::Tensor &x, const Counts &rows) {
        require_place(x);
        TORCH_CHECK(x.dim() > 0, "a single number has no rows");
        TORCH_CHECK(rows[rank] == x.size(0), "a count of ", rows[rank], " rows for a tensor of ", x.size(0));
        const int64_t all = total(rows);
        if (size == 1) return x;
        // Gloo's own asks for equal counts and is slower.
        if (device < 0) return results(all_to_all(repeated(x), Counts(size, x.size(0)), rows))[0];
        const at::Tensor whole = x.contiguous(), result = rows_like(x, all);
        at::Tensor input = bytes(whole), output = bytes(result);
        if (output.numel() == 0) return result;
        if (all == rows[rank] * size && std::count(rows.begin(), rows.end(), rows[rank]) == size) {
            reach([&] { wait(backend->_allgather_base(output, input)); });
        } else {
            std::vector<at::Tensor> inputs{input};
            std::vector<std::vector<at::Tensor>> outputs{output.split_with_sizes(rows)};
            reach([&] { wait(backend->allgather(outputs, inputs)); });
        }
        return result;
    }

    // As many copies as there are ranks, `[ranks · rows, …]`.
    at::Tensor repeated(const at::Tensor &x) const {
        std::vector<int64_t> times(x.dim(), 1);
        times[0] = size;
        return x.repeat(times);
    }

    // Every rank sends each the rows that are to be its own, and sums what it receives: one rounding, in any order the same.
    at::Tensor reduce_scatter(const at::Tensor &x, const Counts &rows) {
        require_sums(x);
        const at::Tensor parts = results(all_to_all(x, rows, Counts(size, rows[rank])))[0];
        if (size == 1) return parts;
        const at::Tensor each = parts.unflatten(0, {size, rows[rank]});
        return x.scalar_type() == at::kBool ? each.any(int64_t{0}) : each.sum(at::IntArrayRef(int64_t{0}), false, x.scalar_type());
    }

    at::Tensor broadcast(const at::Tensor &x, int root) {
        require_place(x);
        require_rank(root);
        if (size == 1 || x.numel() == 0) return x;
        const at::Tensor result = rank == root ? x.contiguous() : at::empty(x.sizes(), x.options());
        std::vector<at::Tensor> tensors{bytes(result.view({1, -1}))};
        c10d::BroadcastOptions options;
        options.rootRank = root;
        reach([&] { wait(backend->broadcast(tensors, options)); });
        return result;
    }

    // By an all-to-all of which one part is not empty: NCCL's send and receive would each be a launch.
    ct_pending_s exchange(const at::Tensor &x, int to, int from, int64_t rows) {
        require_rank(to);
        require_rank(from);
        Counts sending(size), receiving(size);
        sending[to] = x.dim() > 0 ? x.size(0) : 0;
        receiving[from] = rows;
        return all_to_all(x, sending, receiving);
    }

    void barrier() {
        if (size == 1) return;
        c10d::BarrierOptions options;
        if (device >= 0) options.device = at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device));
        reach([&] { wait(backend->barrier(options)); });
    }

    void abort() {
        is_over = true;
        if (peers) peers->abort();
        if (backend) backend->abort();
    }

    ~ct_group_s() {
        if (!backend) return;
        attempt([&] { is_over ? backend->abort() : backend->shutdown(); });
    }
};

namespace {

// The interface that is asked for; without one loopback if the others are on this machine, else what LibTorch takes.
c10::intrusive_ptr<c10d::ProcessGroupGloo::Options> gloo_options(const char *interface, bool is_local,
                                                                 std::chrono::milliseconds timeout) {
    using Gloo = c10d::ProcessGroupGloo;
    if (!interface && !is_local) return Gloo::Options::create_default(timeout);
    auto options = Gloo::Options::create(timeout);
    options->devices.push_back(interface ? Gloo::createDeviceForInterface(interface)
                                         : Gloo::createDeviceForHostname("127.0.0.1"));
    return options;
}

// All ranks come here.
void meet(c10d::Store &store, int rank, int size) {
    std::vector<std::string> keys;
    for (int other = 0; other < size; ++other) keys.push_back("present " + std::to_string(other));
    store.set(keys[rank], std::vector<uint8_t>{1});
    store.wait(keys);
}

// Makes a group; where there are several ranks `connect` makes its backend from the group's part of the store, and `find` what
// memory they share.
template <class Connect, class Find>
ct_group make(ct_store store, const char *name, int rank, int size, int device, int64_t timeout, Connect &&connect,
              Find &&find) {
    return run(
        [&]() -> ct_group {
            TORCH_CHECK(0 <= rank && rank < size, "rank ", rank, " of ", size);
            auto group = std::unique_ptr<ct_group_s>(new ct_group_s{{}, rank, size, device});
            if (size == 1) return group.release();
            const auto part = c10::make_intrusive<GroupStore>(name, store->store->clone(), std::chrono::milliseconds(timeout));
            group->backend = group->reach([&] { return connect(part); });
            group->peers = group->reach([&]() -> std::unique_ptr<Peers> { return find(part); });
            return group.release();
        },
        nullptr);
}

}  // namespace

ct_group ct_group_gloo(ct_store store, const char *name, int rank, int size, const char *interface, int64_t timeout) {
    const std::chrono::milliseconds limit(timeout);
    return make(store, name, rank, size, -1, timeout, [&](const auto &part) -> c10::intrusive_ptr<Backend> {
        auto backend = c10::make_intrusive<c10d::ProcessGroupGloo>(part, rank, size,
                                                                   gloo_options(interface, store->is_local, limit));
        // A rank that has nothing to do would end its group while others still connect to it.
        meet(*part, rank, size);
        return backend;
    }, [](const auto &) { return nullptr; });
}

ct_group ct_group_nccl(ct_store store, const char *name, int rank, int size, int device, int64_t timeout) {
    return make(store, name, rank, size, device, timeout, [&](const auto &part) {
        // NCCL would wait for a missing rank for ever.
        meet(*part, rank, size);
        return cuda().group(part, rank, size, std::chrono::milliseconds(timeout), device);
    }, [&](const auto &part) { return cuda().peers(part, rank, size, device); });
}

void ct_group_release(ct_group group) { delete group; }

int64_t ct_group_moves(ct_group group) { return group->peers ? group->peers->moves() : 0; }

void ct_group_abort(ct_group group) {
    attempt([&] { group->abort(); });
}

ct_tensor ct_all_reduce(ct_group group, ct_tensor x) {
    return guard([&] { return group->all_reduce(borrow(x)); });
}

ct_tensor ct_all_gather(ct_group group, ct_tensor x, const int64_t *rows, size_t ranks) {
    return guard([&] { return group->all_gather(borrow(x), group->counts(rows, ranks)); });
}

ct_tensor ct_reduce_scatter(ct_group group, ct_tensor x, const int64_t *rows, size_t ranks) {
    return guard([&] { return group->reduce_scatter(borrow(x), group->counts(rows, ranks)); });
}

ct_tensor ct_broadcast(ct_group group, ct_tensor x, int root) {
    return guard([&] { return group->broadcast(borrow(x), root); });
}

ct_status ct_barrier(ct_group group) {
    return attempt([&] { group->barrier(); });
}

ct_pending ct_all_to_all(ct_group group, ct_tensor x, const int64_t *sending, size_t senders, const int64_t *receiving,
                         size_t receivers) {
    return run(
        [&] {
            return new ct_pending_s(group->all_to_all(borrow(x), group->counts(sending, senders),
                                                      group->counts(receiving, receivers)));
        },
        nullptr);
}

ct_pending ct_exchange(ct_group group, ct_tensor x, int to, int from, int64_t rows) {
    return run([&] { return new ct_pending_s(group->exchange(borrow(x), to, from, rows)); }, nullptr);
}

ct_pending ct_place(ct_group group, int slot, bool aside, const ct_tensor *tensors, size_t count, const int64_t *sizes,
                    const ct_part *sending, const size_t *sent, const ct_part *receiving, const size_t *received) {
    return run(
        [&] {
            Placing placing;
            for (size_t i = 0; i < count; ++i) placing.tensors.push_back(borrow(tensors[i]));
            for (int rank = 0; rank < group->size; ++rank) {
                auto &own = placing.sizes.emplace_back();
                for (size_t i = 0; i < count; ++i, sizes += 2) own.emplace_back(sizes[0], sizes[1]);
                placing.sending.emplace_back(sending, sending + sent[rank]);
                placing.receiving.emplace_back(receiving, receiving + received[rank]);
                sending += sent[rank];
                receiving += received[rank];
            }
            return new ct_pending_s(group->place(slot, aside, std::move(placing)));
        },
        nullptr);
}

ct_status ct_pending_wait(ct_group group, ct_pending pending, ct_tensor *results, size_t count) {
    return attempt([&] {
        const std::vector<at::Tensor> tensors = group->results(*pending);
        TORCH_CHECK(tensors.size() == count, tensors.size(), " tensors for ", count);
        for (size_t i = 0; i < count; ++i) results[i] = give(at::Tensor(tensors[i]));
    });
}

void ct_pending_release(ct_pending pending) { delete pending; }
