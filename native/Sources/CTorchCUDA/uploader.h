// Copies from the host to a card at the speed of the bus: memory that the system may move, or a file, is first read, by several
// threads, into some pieces of memory that it may not, from where the card fetches it meanwhile. Files are read and not mapped: to
// take pages in and let them go takes as long as all the rest.
#pragma once

#include "../CTorch/parallel.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/Event.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>

#include <unistd.h>

namespace ct {

class Uploader {
public:
    explicit Uploader(int device)
        : device(c10::kCUDA, static_cast<c10::DeviceIndex>(device)),
          stream(c10::cuda::getStreamFromPool(true, this->device.index())) {
        const c10::cuda::CUDAGuard guard(this->device);
        for (Piece &piece : pieces) {
            C10_CUDA_CHECK(cudaHostAlloc(&piece.start, piece_size, cudaHostAllocDefault));
            piece.fetched.emplace(c10::kCUDA, c10::EventFlag::BACKEND_DEFAULT);
        }
    }

    ~Uploader() {
        static_cast<void>(cudaStreamSynchronize(stream));
        for (const Piece &piece : pieces) static_cast<void>(cudaFreeHost(piece.start));
    }

    // What the caller's stream does next waits for the copy.
    at::Tensor operator()(const at::Tensor &host) {
        const at::Tensor source = host.contiguous();
        return there(source.sizes(), source.scalar_type(), Memory{source.const_data_ptr()});
    }

    // A tensor whose bytes begin somewhere in a file. What the caller's stream does next waits for it.
    at::Tensor read(int file, int64_t offset, at::IntArrayRef sizes, at::ScalarType type) {
        return there(sizes, type, [&](size_t from, char *to, size_t bytes) {
            for (size_t done = 0; done < bytes;) {
                const ssize_t count = pread(file, to + done, bytes - done, static_cast<off_t>(offset + from + done));
                if (count < 0 && errno == EINTR) continue;
                TORCH_CHECK(count >= 0, "a file of weights cannot be read: ", std::strerror(errno));
                TORCH_CHECK(count > 0, "a file of weights has become shorter");
                done += count;
            }
        });
    }

    // Behind all that the caller's stream was given. What is copied has been read when this returns.
    void copy(void *to, const void *from, size_t bytes, c10::Event &arrived) { copy(to, bytes, arrived, Memory{from}); }

private:
    static constexpr size_t piece_size = 32 << 20, page = 4096;

    static size_t quotient(size_t bytes, size_t by) { return (bytes + by - 1) / by; }

    struct Piece {
        void *start = nullptr;
        std::optional<c10::Event> fetched;
    };

    struct Memory {
        const void *start;

        void operator()(size_t from, char *to, size_t bytes) const {
            std::memcpy(to, static_cast<const char *>(start) + from, bytes);
        }
    };

    // A tensor on the card, as copy() fills it.
    template <class Fill> at::Tensor there(at::IntArrayRef sizes, at::ScalarType type, const Fill &fill) {
        const c10::cuda::CUDAGuard guard(device);
        at::Tensor result = at::empty(sizes, at::TensorOptions(type).device(device));
        c10::Event arrived(c10::kCUDA);
        copy(result.mutable_data_ptr(), result.nbytes(), arrived, fill);
        arrived.block(c10::cuda::getCurrentCUDAStream(device.index()).unwrap());
        return result;
    }

    // `fill(where in the source, a piece, bytes)` is called by several threads.
    template <class Fill> void copy(void *to, size_t bytes, c10::Event &arrived, const Fill &fill) {
        c10::Event released(c10::kCUDA);
        released.record(c10::cuda::getCurrentCUDAStream(device.index()).unwrap());
        released.block(stream.unwrap());
        // As few pieces as there can be, of about one size, so that none is too small for all threads.
        const size_t turns = std::max<size_t>(1, quotient(bytes, piece_size));
        const size_t size = quotient(bytes, turns * page) * page;
        for (size_t done = 0; done < bytes; done += size) {
            const size_t count = std::min(size, bytes - done);
            Piece &piece = pieces[next];
            next = (next + 1) % std::size(pieces);
            piece.fetched->synchronize();
            parallel_for(0, static_cast<int64_t>(count), 1 << 18, [&](int64_t begin, int64_t end) {
                fill(done + begin, static_cast<char *>(piece.start) + begin, end - begin);
            });
            C10_CUDA_CHECK(cudaMemcpyAsync(static_cast<char *>(to) + done, piece.start, count, cudaMemcpyHostToDevice, stream));
            piece.fetched->record(stream.unwrap());
        }
        arrived.record(stream.unwrap());
    }

    const c10::Device device;
    const c10::cuda::CUDAStream stream;
    Piece pieces[3];
    size_t next = 0;
};

}  // namespace ct
