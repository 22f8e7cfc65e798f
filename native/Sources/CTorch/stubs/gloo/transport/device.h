// Gloo's devices and buffers, as far as LibTorch's headers name them.
#pragma once

namespace gloo::transport {

class Device;

class UnboundBuffer {
public:
    virtual ~UnboundBuffer();
};

}  // namespace gloo::transport
