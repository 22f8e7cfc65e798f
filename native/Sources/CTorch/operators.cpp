// Calls of our own operators by their names.
#include "support.h"

#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <algorithm>
#include <functional>
#include <map>
#include <string>

using namespace ct;

namespace {

// A thread looks each operator up once.
const c10::OperatorHandle &operator_named(const char *name) {
    thread_local std::map<std::string, c10::OperatorHandle, std::less<>> known;
    const auto found = known.find(name);
    if (found != known.end()) return found->second;
    const auto handle = c10::Dispatcher::singleton().findSchema({std::string("visualgen::") + name, ""});
    TORCH_CHECK(handle, "there is no operator visualgen::", name);
    return known.emplace(name, *handle).first->second;
}

c10::IValue value(const ct_argument &argument) {
    switch (argument.kind) {
    case CT_ARGUMENT_TENSOR: return argument.value.tensor ? c10::IValue(borrow(argument.value.tensor)) : c10::IValue();
    case CT_ARGUMENT_NUMBER: return argument.value.number;
    case CT_ARGUMENT_INTEGER: return argument.value.integer;
    case CT_ARGUMENT_FLAG: return argument.value.flag;
    case CT_ARGUMENT_DTYPE: return scalar_type(argument.value.dtype);
    }
    TORCH_CHECK(false, "unknown kind of argument ", static_cast<int>(argument.kind));
}

}  // namespace

ct_tensor ct_call(const char *name, const ct_argument *arguments, size_t count, ct_tensor *second) {
    return guard([&] {
        const c10::OperatorHandle &handle = operator_named(name);
        const c10::FunctionSchema &schema = handle.schema();
        const size_t asked = second ? 2 : 1, given = schema.returns().size();
        TORCH_CHECK(given == asked, schema.name(), " gives ", given, " and not ", asked, " tensors");
        torch::jit::Stack stack;
        stack.reserve(std::max(count, given));
        for (size_t i = 0; i < count; ++i) stack.push_back(value(arguments[i]));
        schema.checkAndNormalizeInputs(stack);
        handle.callBoxed(stack);
        if (second) *second = give(std::move(stack[1]).toTensor());
        return std::move(stack[0]).toTensor();
    });
}
