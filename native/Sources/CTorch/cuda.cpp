// The way to NVIDIA GPUs: whether there is one, loading the CUDA half, and what is asked of it.
#include "cuda.h"

#include "host_memory.h"

#include <ATen/Context.h>
#include <ATen/ops/_convolution.h>

#include <dlfcn.h>
#include <unistd.h>

#include <string>
#include <tuple>
#include <utility>

using namespace ct;

namespace {

constexpr const char *half_name = "libCTorchCUDA.so";

// The GPU that the calling thread has entered; -1 for the CPU.
thread_local int entered = -1;
// Whether its convolutions may round to TF32.
thread_local bool may_round = false;

// The CUDA half's path: beside this library.
std::string half_path() {
    Dl_info info;
    if (!dladdr(reinterpret_cast<const void *>(&ct_check_device), &info)) return half_name;
    const std::string path = info.dli_fname;
    return path.substr(0, path.rfind('/') + 1) + half_name;
}

// NVIDIA's driver, asked directly: LibTorch's CUDA libraries take a second to load.
class Driver {
public:
    Driver() : library(dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL)) {
        TORCH_CHECK(library, "no NVIDIA driver (libcuda.so.1) is installed");
        const int status = call<unsigned>("cuInit", 0);
        has_devices = status != no_device;
        if (has_devices) require(status);
    }

    int count() {
        int result = 0;
        if (has_devices) require(call<int *>("cuDeviceGetCount", &result));
        return result;
    }

    // The two numbers of the compute capability.
    std::pair<int, int> capability(int device) {
        int handle = 0, major = 0, minor = 0;
        require(call<int *, int>("cuDeviceGet", &handle, device));
        require(call<int *, int, int>("cuDeviceGetAttribute", &major, capability_major, handle));
        require(call<int *, int, int>("cuDeviceGetAttribute", &minor, capability_minor, handle));
        return {major, minor};
    }

private:
    static constexpr int no_device = 100, capability_major = 75, capability_minor = 76;

    template <class... Arguments> int call(const char *name, Arguments... arguments) {
        const auto function = reinterpret_cast<int (*)(Arguments...)>(dlsym(library, name));
        TORCH_CHECK(function, "the NVIDIA driver (libcuda.so.1) has no ", name);
        return function(arguments...);
    }

    static void require(int status) { TORCH_CHECK(status == 0, "the NVIDIA driver fails with error ", status); }

    void *library;
    bool has_devices;
};

// The compute capability of a GPU that can be used.
std::pair<int, int> checked_capability(int device) {
    Driver driver;
    const int count = driver.count();
    TORCH_CHECK(count > 0, "this machine has no NVIDIA GPU");
    TORCH_CHECK(device < count, "this machine has ", count, count == 1 ? " GPU" : " GPUs", ", counted from 0");
    constexpr int ampere = 8;
    const auto capability = driver.capability(device);
    TORCH_CHECK(capability.first >= ampere, "it is older than Ampere (compute capability 8.0)");
    TORCH_CHECK(access(half_path().c_str(), R_OK) == 0, half_name,
                " is not beside libCTorch.so; `make build DEVICE=cuda` builds it");
    return capability;
}

Cuda &load() {
    const std::string path = half_path();
    void *half = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    TORCH_CHECK(half, "it needs LibTorch with CUDA: ", dlerror());
    const auto entry = reinterpret_cast<CudaEntry *>(dlsym(half, cuda_entry));
    TORCH_CHECK(entry, path, " is not the CUDA half of this build");
    return *entry();
}

}  // namespace

Cuda &ct::cuda() {
    static Cuda &half = load();
    return half;
}

struct ct_moment_s {
    std::unique_ptr<Moment> moment;
};

ct_status ct_check_device(int device) {
    return run(
        [&]() -> ct_status {
            if (device >= 0) checked_capability(device);
            return 0;
        },
        1);
}

ct_status ct_get_compute_capability(int device, int *major, int *minor) {
    return attempt([&] { std::tie(*major, *minor) = checked_capability(device); });
}

ct_status ct_enter_device(int device) {
    return run(
        [&]() -> ct_status {
            if (device >= 0 && device != entered) cuda().enter(device);
            entered = device;
            return 0;
        },
        1);
}

int ct_entered_device(void) { return entered; }

ct_status ct_synchronize(int device) {
    return run(
        [&]() -> ct_status {
            if (device >= 0) cuda().synchronize(device);
            return 0;
        },
        1);
}

ct_status ct_step_aside(void) {
    return attempt([] {
        if (entered >= 0) cuda().step_aside();
    });
}

ct_status ct_step_back(void) {
    return attempt([] {
        if (entered >= 0) cuda().step_back();
    });
}

ct_status ct_join_aside(void) {
    return attempt([] {
        if (entered >= 0) cuda().join();
    });
}

at::Tensor ct::convolve(const at::Tensor &x, const at::Tensor &weight, const std::optional<at::Tensor> &bias,
                        at::IntArrayRef strides, at::IntArrayRef paddings) {
    const at::Context &context = at::globalContext();
    const at::DimVector dilations(strides.size(), 1), output_paddings(strides.size(), 0);
    return at::_convolution(x, weight, bias, strides, paddings, dilations, false, output_paddings, 1, context.benchmarkCuDNN(),
                            context.deterministicCuDNN() || context.deterministicAlgorithms(), context.userEnabledCuDNN(),
                            may_round);
}

void ct_allow_tf32_convolutions(bool may) { may_round = may; }
bool ct_allows_tf32_convolutions(void) { return may_round; }

ct_status ct_get_device_memory(int device, ct_device_memory *memory) {
    return run(
        [&]() -> ct_status {
            *memory = device < 0 ? host_memory() : cuda().memory(device);
            return 0;
        },
        1);
}

ct_status ct_reset_peak_device_memory(int device) {
    return run(
        [&]() -> ct_status {
            if (device < 0) reset_peak_host_memory();
            else cuda().reset_peak_memory(device);
            return 0;
        },
        1);
}

ct_status ct_reserve_device_memory(int device, int64_t bytes) {
    return run(
        [&]() -> ct_status {
            if (device >= 0) cuda().reserve(bytes, device);
            return 0;
        },
        1);
}

ct_moment ct_moment_now(void) {
    return run([&]() -> ct_moment { return new ct_moment_s{cuda().now()}; }, nullptr);
}

void ct_moment_release(ct_moment moment) { delete moment; }

ct_status ct_moment_seconds(ct_moment start, ct_moment end, double *seconds) {
    return run(
        [&]() -> ct_status {
            *seconds = end->moment->seconds_since(*start->moment);
            return 0;
        },
        1);
}

struct ct_graph_s {
    std::unique_ptr<Graph> graph;
};

ct_graph ct_graph_begin(void) {
    return run(
        [&]() -> ct_graph {
            TORCH_CHECK(entered >= 0, "only a GPU's work can be captured");
            return new ct_graph_s{cuda().capture()};
        },
        nullptr);
}

ct_status ct_graph_end(ct_graph graph) {
    return attempt([&] { graph->graph->end(); });
}

ct_status ct_graph_replay(ct_graph graph, const ct_tensor *from, const ct_tensor *into, size_t count) {
    return attempt([&] {
        for (size_t index = 0; index < count; ++index) borrow(into[index]).copy_(borrow(from[index]));
        graph->graph->replay();
    });
}

void ct_graph_release(ct_graph graph) { delete graph; }
