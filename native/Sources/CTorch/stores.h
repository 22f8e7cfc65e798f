// Stores of LibTorch's c10d: where ranks find each other.
#pragma once

#include "support.h"

#include <torch/csrc/distributed/c10d/PrefixStore.hpp>

#include <algorithm>
#include <chrono>

struct ct_store_s {
    c10::intrusive_ptr<c10d::Store> store;
    // Whether all that use it are on this machine.
    bool is_local;
};

namespace ct {

// Waits for keys, and throws where they are not there in time; a file's store has no error of its own for that.
inline void wait_for(c10d::Store &store, const std::vector<std::string> &keys, std::chrono::milliseconds timeout) {
    try {
        store.wait(keys, timeout);
    } catch (const c10::DistError &) {
        throw;
    } catch (const c10::Error &error) {
        C10_THROW_ERROR(DistStoreError, error.what_without_backtrace());
    }
}

// A group's part of a store: keys under its name, and a time-out of its own, which a store between threads would share.
class GroupStore final : public c10d::PrefixStore {
public:
    using Time = std::chrono::milliseconds;

    GroupStore(std::string name, c10::intrusive_ptr<c10d::Store> store, Time timeout)
        : PrefixStore(std::move(name), std::move(store)) {
        timeout_ = timeout;
    }

    std::vector<uint8_t> get(const std::string &key) override {
        wait({key});
        return PrefixStore::get(key);
    }

    std::vector<std::vector<uint8_t>> multiGet(const std::vector<std::string> &keys) override {
        wait(keys);
        return PrefixStore::multiGet(keys);
    }

    void wait(const std::vector<std::string> &keys) override { wait(keys, timeout_); }
    void wait(const std::vector<std::string> &keys, const Time &timeout) override {
        wait_for(*store_, joinKeys(keys), std::min(timeout, timeout_));
    }

    const Time &getTimeout() const noexcept override { return timeout_; }
    void setTimeout(const Time &timeout) override { timeout_ = timeout; }
};

}  // namespace ct
