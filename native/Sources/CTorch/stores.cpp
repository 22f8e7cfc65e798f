// Stores: a server with clients over TCP, a file, or memory between the threads of a process.
#include "stores.h"

#include <c10/util/Logging.h>
#include <torch/csrc/distributed/c10d/FileStore.hpp>
#include <torch/csrc/distributed/c10d/HashStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include <cstring>
#include <mutex>

#include <fcntl.h>
#include <netdb.h>
#include <sys/socket.h>
#include <unistd.h>

using namespace ct;

namespace {

using Time = std::chrono::milliseconds;

bool is_loopback(const std::string &host) { return host == "localhost" || host == "::1" || host.rfind("127.", 0) == 0; }

// Makes a store; LibTorch reads before the first what it may log.
template <class Body> ct_store make(bool is_local, Body &&body) {
    return run(
        [&]() -> ct_store {
            static std::once_flag flag;
            std::call_once(flag, c10::initLogging);
            return new ct_store_s{body(), is_local};
        },
        nullptr);
}

// A socket bound to one address of a host: c10d's own server would listen at every interface.
class Listener {
public:
    Listener(const char *host, int port) {
        addrinfo hints{}, *found = nullptr;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_PASSIVE;
        const int status = getaddrinfo(host, std::to_string(port).c_str(), &hints, &found);
        TORCH_CHECK(status == 0, host, ": ", gai_strerror(status));
        const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
        file = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const int yes = 1;
        if (file >= 0) setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (file < 0 || bind(file, found->ai_addr, found->ai_addrlen) != 0) {
            const std::string reason = std::strerror(errno);
            if (file >= 0) close(file);
            TORCH_CHECK(false, "cannot listen at ", host, " port ", port, ": ", reason);
        }
    }

    int port() const {
        sockaddr_storage address{};
        socklen_t size = sizeof address;
        char text[NI_MAXSERV] = "0";
        getsockname(file, reinterpret_cast<sockaddr *>(&address), &size);
        getnameinfo(reinterpret_cast<sockaddr *>(&address), size, nullptr, 0, text, sizeof text, NI_NUMERICSERV);
        return std::stoi(text);
    }

    int file;
};

c10d::TCPStoreOptions tcp_options(int port, int64_t timeout) {
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(port);
    options.waitWorkers = false;
    options.timeout = Time(timeout);
    return options;
}

}  // namespace

// The first line says what happened; Gloo puts its source file in front of it, c10d a trace of the stack behind.
void ct::record_peer_error(const c10::DistError &error) noexcept {
    try {
        std::string message = error.what_without_backtrace();
        message.resize(std::min(message.find("\nException raised from"), message.size()));
        const size_t end = message.find("] ");
        if (message.rfind("[/", 0) == 0 && end != std::string::npos) message.erase(0, end + 2);
        const bool memory = message.find("out of memory") != std::string::npos;
        record_error(memory ? CT_ERROR_OUT_OF_MEMORY : CT_ERROR_PEER_LOST, message.c_str());
    } catch (...) {
        record_error(CT_ERROR_PEER_LOST, "");
    }
}

ct_store ct_store_host(const char *host, int port, int64_t timeout) {
    return make(is_loopback(host), [&] {
        const Listener listener(host, port);
        auto options = tcp_options(listener.port(), timeout);
        options.isServer = true;
        options.masterListenFd = listener.file;
        return c10::make_intrusive<c10d::TCPStore>(host, options);
    });
}

ct_store ct_store_join(const char *host, int port, int64_t timeout) {
    return make(is_loopback(host),
                [&] { return c10::make_intrusive<c10d::TCPStore>(host, tcp_options(port, timeout)); });
}

ct_store ct_store_file(const char *path, int ranks, int64_t timeout) {
    return make(true, [&] {
        // The store itself would try for minutes to open what cannot be opened.
        const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        TORCH_CHECK(file >= 0, path, ": ", std::strerror(errno));
        close(file);
        auto store = c10::make_intrusive<c10d::FileStore>(path, ranks);
        store->setTimeout(Time(timeout));
        return store;
    });
}

ct_store ct_store_in_process(void) {
    return make(true, [] { return c10::make_intrusive<c10d::HashStore>(); });
}

ct_store ct_store_copy(ct_store store) {
    return make(store->is_local, [&] {
        auto copy = store->store->clone();
        // The same store between threads keeps what it has.
        if (copy != store->store) copy->setTimeout(store->store->getTimeout());
        return copy;
    });
}

void ct_store_release(ct_store store) { delete store; }

int ct_store_port(ct_store store) {
    const auto tcp = dynamic_cast<const c10d::TCPStore *>(store->store.get());
    return tcp ? tcp->getPort() : 0;
}

ct_status ct_store_set(ct_store store, const char *key, const uint8_t *value, size_t count) {
    return attempt([&] { store->store->set(key, std::vector<uint8_t>(value, value + count)); });
}

ct_status ct_store_get(ct_store store, const char *key, int64_t timeout,
                       void (*receive)(void *context, const uint8_t *value, size_t count), void *context) {
    return attempt([&] {
        c10d::Store &values = *store->store;
        if (!values.check({key})) {
            // Nothing is waited for without a limit, which is what 0 would mean.
            if (timeout <= 0) return;
            try {
                wait_for(values, {key}, Time(timeout));
            } catch (const c10::DistStoreError &) {
                return;
            }
        }
        const std::vector<uint8_t> value = values.get(key);
        receive(context, value.data(), value.size());
    });
}

ct_status ct_store_add(ct_store store, const char *key, int64_t amount, int64_t *sum) {
    return attempt([&] { *sum = store->store->add(key, amount); });
}

ct_status ct_store_remove(ct_store store, const char *key) {
    return attempt([&] { store->store->deleteKey(key); });
}
