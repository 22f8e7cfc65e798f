// Operators that have no function of their own in C++, by their names.
#pragma once

#include <ATen/core/dispatch/Dispatcher.h>

namespace ct {

template <class Function> auto operator_named(const char *name) {
    return c10::Dispatcher::singleton().findSchemaOrThrow(name, "").typed<Function>();
}

}  // namespace ct
