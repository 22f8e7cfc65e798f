// Tensors whose numbers wait in the host's memory for their turn on a device.
#include "cuda.h"

#include <ATen/ops/empty.h>

#include <cstring>
#include <unordered_set>

using namespace ct;

namespace {

using Storage = c10::intrusive_ptr<c10::StorageImpl>;

// Where a device's memory is the host's.
class Copier final : public Ferry {
public:
    char *take(size_t bytes) override {
        memory.push_back(at::empty({static_cast<int64_t>(bytes)}, at::kByte));
        return static_cast<char *>(memory.back().mutable_data_ptr());
    }

    void store(char *host, const void *device, size_t bytes) override { std::memcpy(host, device, bytes); }
    void fetch(size_t, void *device, const char *host, size_t bytes) override { std::memcpy(device, host, bytes); }
    void await(size_t) override {}
    void await_all() override {}
    void give_back() override {}

private:
    std::vector<at::Tensor> memory;
};

size_t aligned(size_t bytes) {
    constexpr size_t alignment = 512;
    return (bytes + alignment - 1) / alignment * alignment;
}

}  // namespace

struct ct_offload_s final : Witness {
    ct_offload_s(int device, bool pinned)
        : device(device < 0 ? c10::Device(c10::kCPU) : c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device))),
          ferry(device < 0 ? std::make_unique<Copier>() : cuda().ferry(pinned)) {
        witness = this;
    }

    ~ct_offload_s() {
        if (witness == this) witness = nullptr;
        for (Group &group : groups) leave(group);
        static_cast<void>(attempt([&] { ferry->await_all(); }));
    }

    void made(const at::Tensor &tensor) override {
        if (tensor.has_storage() && tensor.device() == device) recent.emplace_back(tensor.storage().getWeakStorageImpl());
    }

    void set_aside() {
        for (Storage &storage : held()) aside.push_back(std::move(storage));
    }

    int64_t group() { return group(held()); }

    int64_t end() {
        witness = nullptr;
        set_aside();
        return group(std::move(aside));
    }

    void make_rooms(at::ArrayRef<int64_t> sizes) {
        ferry->await_all();
        for (Group &group : groups) leave(group);
        rooms.clear();
        ferry->give_back();
        for (const int64_t bytes : sizes) rooms.push_back(at::empty({bytes}, at::TensorOptions(at::kByte).device(device)));
    }

    void fetch(size_t index, size_t room) {
        Group &group = groups.at(index);
        const at::Tensor &memory = rooms.at(room);
        TORCH_CHECK(group.bytes <= memory.nbytes(), "a group of ", group.bytes, " bytes in a room of ", memory.nbytes());
        for (Group &other : groups)
            if (other.room == room) leave(other);
        char *start = static_cast<char *>(memory.mutable_data_ptr());
        ferry->fetch(index, start, group.host, group.bytes);
        for (const Storage &storage : group.storages) {
            place(storage, start);
            start += aligned(storage->nbytes());
        }
        group.room = room;
    }

    void await(size_t index) {
        TORCH_CHECK(groups.at(index).room, "weights have no room on the device");
        ferry->await(index);
    }

private:
    struct Group {
        std::vector<Storage> storages;
        char *host;
        size_t bytes;
        std::optional<size_t> room;
    };

    // What was made lately, has numbers on the device and is still held by somebody, each once.
    std::vector<Storage> held() {
        std::vector<Storage> found;
        for (const auto &storage : recent) {
            Storage held = storage.lock();
            if (held && held->nbytes() > 0 && known.insert(held.get()).second) found.push_back(std::move(held));
        }
        recent.clear();
        return found;
    }

    int64_t group(std::vector<Storage> storages) {
        size_t bytes = 0;
        for (const Storage &storage : storages) bytes += aligned(storage->nbytes());
        Group group{std::move(storages), bytes > 0 ? ferry->take(bytes) : nullptr, bytes, std::nullopt};
        char *host = group.host;
        for (const Storage &storage : group.storages) {
            ferry->store(host, storage->data(), storage->nbytes());
            place(storage, nullptr);
            host += aligned(storage->nbytes());
        }
        groups.push_back(std::move(group));
        return static_cast<int64_t>(bytes);
    }

    void leave(Group &group) {
        for (const Storage &storage : group.storages) place(storage, nullptr);
        group.room.reset();
    }

    // Every tensor of the storage has its numbers here from now on.
    void place(const Storage &storage, void *start) { storage->set_data_ptr_noswap({start, device}); }

    const c10::Device device;
    const std::unique_ptr<Ferry> ferry;
    std::vector<c10::weak_intrusive_ptr<c10::StorageImpl>> recent;
    std::vector<Storage> aside;
    // Those that belong to a group or are set aside.
    std::unordered_set<const c10::StorageImpl *> known;
    std::vector<Group> groups;
    std::vector<at::Tensor> rooms;
};

ct_offload ct_offload_begin(bool pinned) {
    return run([&]() -> ct_offload { return new ct_offload_s(ct_entered_device(), pinned); }, nullptr);
}

void ct_offload_set_aside(ct_offload offload) { offload->set_aside(); }

int64_t ct_offload_group(ct_offload offload) {
    return run([&] { return offload->group(); }, int64_t{-1});
}

int64_t ct_offload_end(ct_offload offload) {
    return run([&] { return offload->end(); }, int64_t{-1});
}

ct_status ct_offload_make_rooms(ct_offload offload, const int64_t *bytes, size_t count) {
    return attempt([&] { offload->make_rooms(sizes(bytes, count)); });
}

ct_status ct_offload_fetch(ct_offload offload, size_t group, size_t room) {
    return attempt([&] { offload->fetch(group, room); });
}

ct_status ct_offload_await(ct_offload offload, size_t group) {
    return attempt([&] { offload->await(group); });
}

void ct_offload_release(ct_offload offload) { delete offload; }
