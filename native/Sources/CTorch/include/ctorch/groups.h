// Ranks that exchange tensors: where they find each other, and what they do together.
#pragma once

#include "base.h"

CT_BEGIN

typedef struct ct_store_s *ct_store;
typedef struct ct_group_s *ct_group;
typedef struct ct_pending_s *ct_pending;

// Tokens and heads of one of several tensors that one rank sends another: how many, where they lie with the sender, and where
// with the receiver.
typedef struct {
    size_t tensor;
    int64_t tokens, heads, from_token, from_head, to_token, to_head;
} ct_part;

// Stores hold small values by key; any thread may use one. Time-outs are milliseconds. Port 0 asks for any that is free;
// `ct_store_port` tells it, 0 for a store without one. A copy has a connection of its own. One in process ends the program
// where there is no memory for it, and fails in no other way.
CT_API ct_store CT_NULLABLE ct_store_host(const char *host, int port, int64_t timeout);
CT_API ct_store CT_NULLABLE ct_store_join(const char *host, int port, int64_t timeout);
CT_API ct_store CT_NULLABLE ct_store_file(const char *path, int ranks, int64_t timeout);
CT_API ct_store ct_store_in_process(void);
CT_API ct_store CT_NULLABLE ct_store_copy(ct_store store);
CT_API void ct_store_release(ct_store store);
CT_API int ct_store_port(ct_store store);
CT_API ct_status ct_store_set(ct_store store, const char *key, const uint8_t *value, size_t count);
// Calls `receive` once if the value is there in time, else not at all.
CT_API ct_status ct_store_get(ct_store store, const char *key, int64_t timeout,
                              void (*receive)(void *context, const uint8_t *CT_NULLABLE value, size_t count), void *context);
CT_API ct_status ct_store_add(ct_store store, const char *key, int64_t amount, int64_t *sum);
CT_API ct_status ct_store_remove(ct_store store, const char *key);

// Making a group waits for all its ranks; every rank makes its groups in the same order, under names that no group of the
// store had before. Gloo's messages go through an interface, by default loopback where the store is on this machine, else
// what GLOO_SOCKET_IFNAME or the machine's name says. A group of one sends nothing.
CT_API ct_group CT_NULLABLE ct_group_gloo(ct_store store, const char *name, int rank, int size,
                                          const char *CT_NULLABLE interface, int64_t timeout);
CT_API ct_group CT_NULLABLE ct_group_nccl(ct_store store, const char *name, int rank, int size, int device, int64_t timeout);
CT_API void ct_group_release(ct_group group);
// How often memory that GPUs share was given up for more: what was captured before must not be replayed.
CT_API int64_t ct_group_moves(ct_group group);
// Lets what runs on the GPU end, from any thread; the group is of no use afterwards. Gloo's cannot be ended.
CT_API void ct_group_abort(ct_group group);

// Each is called by every rank of the group, in the same order. Rows are those of axis 0; there is a count of them for each
// rank. An error of the kind CT_ERROR_PEER_LOST ends the group.
CT_API ct_tensor CT_NULLABLE ct_all_reduce(ct_group group, ct_tensor x);
CT_API ct_tensor CT_NULLABLE ct_all_gather(ct_group group, ct_tensor x, const int64_t *rows, size_t ranks);
CT_API ct_tensor CT_NULLABLE ct_reduce_scatter(ct_group group, ct_tensor x, const int64_t *rows, size_t ranks);
CT_API ct_tensor CT_NULLABLE ct_broadcast(ct_group group, ct_tensor x, int root);
CT_API ct_status ct_barrier(ct_group group);
CT_API ct_pending CT_NULLABLE ct_all_to_all(ct_group group, ct_tensor x, const int64_t *sending, size_t senders,
                                            const int64_t *receiving, size_t receivers);
CT_API ct_pending CT_NULLABLE ct_exchange(ct_group group, ct_tensor x, int to, int from, int64_t rows);

// Parts of tensors [batch, heads, tokens, width] of one type go into tensors [batch, tokens, heads, width] of every rank. `sizes`
// has tokens and heads of each rank's result for each tensor, `sent` and `received` how many parts go to and come from each rank.
// Between GPUs of one host a result is the slot's memory: it stays until the next call with the slot, and between two of those
// lies one with another slot. With `aside` the copies run beside what the calling thread's stream does next.
CT_API ct_pending CT_NULLABLE ct_place(ct_group group, int slot, bool aside, const CT_NONNULL ct_tensor *CT_NONNULL tensors,
                                       size_t count, const int64_t *sizes, const ct_part *sending, const size_t *sent,
                                       const ct_part *receiving, const size_t *received);

// What has been started, of which there are as many results as tensors were given: on the CPU it is waited for, on a GPU the
// calling thread's stream waits. What fails has made no tensor. Released once, waited for or not.
CT_API ct_status ct_pending_wait(ct_group group, ct_pending pending, CT_NULLABLE ct_tensor *CT_NONNULL results, size_t count);
CT_API void ct_pending_release(ct_pending pending);

CT_END
