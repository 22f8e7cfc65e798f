// Numbers that wait in the host's memory for their turn on a device.
//
// From `begin` to `end` an offload notes the tensors that the calling thread makes. What of them is still held belongs to a group:
// `group` makes one of what was made since `set_aside`, `group` or `begin`; what was set aside makes the last one, at `end`. A
// group's numbers go to the host, and its tensors have none until they are fetched into a room on the device. A room holds
// one group at a time.
#pragma once

#include "base.h"

CT_BEGIN

typedef struct ct_offload_s *ct_offload;

// The device that the thread has entered, or the CPU. Pinned memory is what a GPU reads by itself.
CT_API ct_offload CT_NULLABLE ct_offload_begin(bool pinned);
CT_API void ct_offload_set_aside(ct_offload offload);
// Bytes of the group that is made; -1 when it failed.
CT_API int64_t ct_offload_group(ct_offload offload);
CT_API int64_t ct_offload_end(ct_offload offload);

// Rooms of these sizes, in place of those that there were.
CT_API ct_status ct_offload_make_rooms(ct_offload offload, const int64_t *CT_NULLABLE bytes, size_t count);
// Begins to copy a group into a room, behind all that the thread's stream was given: whoever was there has been used.
CT_API ct_status ct_offload_fetch(ct_offload offload, size_t group, size_t room);
// What the thread's stream does next waits for a group's last fetch.
CT_API ct_status ct_offload_await(ct_offload offload, size_t group);
// No tensor of it may be used any more.
CT_API void ct_offload_release(ct_offload offload);

CT_END
