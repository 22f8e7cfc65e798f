// Names of addresses, of which c10d needs none.
#include <dlfcn.h>
#include <netdb.h>

#include <cstring>

namespace {

bool is_of_libtorch(const void *code) {
    Dl_info place{};
    return dladdr(code, &place) != 0 && place.dli_fname && std::strstr(place.dli_fname, "/libtorch_");
}

}  // namespace

// Stands before the system's for the whole process. c10d asks for the name of each address that it connects to or accepts, for
// what it may log; where no name server answers, that takes seconds each time (PyTorch's issue 159007). It is given numbers
// instead; all other callers get what they ask for.
extern "C" [[gnu::visibility("default")]] int getnameinfo(const sockaddr *address, socklen_t size, char *host,
                                                          socklen_t host_size, char *service, socklen_t service_size,
                                                          int flags) {
    static const auto system = reinterpret_cast<decltype(&getnameinfo)>(dlsym(RTLD_NEXT, "getnameinfo"));
    if (is_of_libtorch(__builtin_return_address(0))) flags |= NI_NUMERICHOST;
    return system(address, size, host, host_size, service, service_size, flags);
}
