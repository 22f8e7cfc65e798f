// Carries numbers between the host's memory and a device's.
#pragma once

#include <cstddef>

namespace ct {

class Ferry {
public:
    virtual ~Ferry() = default;
    // Memory of the host, for as long as the ferry lives.
    virtual char *take(size_t bytes) = 0;
    // From the device, behind all that the calling thread's stream was given; done when this returns.
    virtual void store(char *host, const void *device, size_t bytes) = 0;
    // To the device, behind all that the calling thread's stream was given and beside what it is given next.
    virtual void fetch(size_t group, void *device, const char *host, size_t bytes) = 0;
    // What the calling thread's stream does next waits for a group's last fetch.
    virtual void await(size_t group) = 0;
    // It waits for every fetch.
    virtual void await_all() = 0;
    // Memory of the device that nobody has goes back to the system.
    virtual void give_back() = 0;
};

}  // namespace ct
