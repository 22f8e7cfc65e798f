// What LibTorch's headers need of Gloo, which lies in libtorch_cpu.so without its headers: names, of which only shared pointers
// pass here. Nothing of Gloo is called or derived from.
#pragma once

#include <chrono>
#include <memory>

namespace gloo {

class Context {
public:
    void setTimeout(std::chrono::milliseconds timeout);
};

}  // namespace gloo
