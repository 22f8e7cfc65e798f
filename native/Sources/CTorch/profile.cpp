// LibTorch's profiler: which operations and kernels ran when.
#include "support.h"

#include <torch/csrc/autograd/profiler_kineto.h>

#include <cstdlib>

using namespace ct;
namespace profiler = torch::autograd::profiler;

ct_status ct_profile_begin(bool with_cuda) {
    return run(
        [&]() -> ct_status {
            using torch::profiler::impl::ActivityType;
            std::set<ActivityType> activities{ActivityType::CPU};
            if (with_cuda) activities.insert(ActivityType::CUDA);
            setenv("KINETO_LOG_LEVEL", "99", 0);  // where there is no GPU it complains to standard error
            const torch::profiler::impl::ProfilerConfig config(torch::profiler::impl::ProfilerState::KINETO);
            profiler::prepareProfiler(config, activities);
            profiler::enableProfiler(config, activities, {at::RecordScope::FUNCTION});
            return 0;
        },
        1);
}

ct_status ct_profile_end(const char *path) {
    return run(
        [&]() -> ct_status {
            profiler::disableProfiler()->save(path);
            return 0;
        },
        1);
}
