// What the CPU's tensors take.
#pragma once

#include "ctorch.h"

namespace ct {

// As of a GPU, but without what is available.
ct_device_memory host_memory();
void reset_peak_host_memory();

}  // namespace ct
