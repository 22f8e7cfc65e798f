// Passes over rows on the card: norms, rotations, and sums of what is scaled.
#include "held_row.cuh"

#include <type_traits>

namespace {

using ct::Heads;
using ct::Vectors;

// Cosines or sines of the pairs of a pack.
template <int count> struct Angles {
    Numbers<count / 2> cosines, sines;

    Angles() = default;
    __device__ Angles(const float *cosine, const float *sine)
        : cosines(load<count / 2>(cosine)), sines(load<count / 2>(sine)) {}
};

// Pairs of numbers, turned by an angle each.
template <int count> __device__ Numbers<count> turned(const Numbers<count> &numbers, const Angles<count> &angles) {
    Numbers<count> result;
    for (int i = 0; i < count / 2; ++i) {
        const float x = numbers.values[2 * i], y = numbers.values[2 * i + 1];
        const float c = angles.cosines.values[i], s = angles.sines.values[i];
        result.values[2 * i] = x * c - y * s;
        result.values[2 * i + 1] = x * s + y * c;
    }
    return result;
}

template <int count> __device__ Numbers<count> scaled(Numbers<count> numbers, float factor, const Numbers<count> &weight) {
    for (int i = 0; i < count; ++i) numbers.values[i] *= factor * weight.values[i];
    return numbers;
}

template <class T, class V, class R, bool is_centred, int threads, int count>
__global__ void modulated_norm(const T *x, Index rows, int64_t width, Vectors scale, Vectors shift, float epsilon, R *result) {
    const Index index = row_index<threads>();
    auto row = modulated<V, threads, count, is_centred>(x + index * width, index, index < rows ? width : 0, scale, shift, epsilon);
    row.each([&](int i, Index at) { store(row.packs[i], result + index * width + at); });
}

// The same of a row that a block of threads holds.
template <class T, class V, bool is_centred, int pack, int threads, int count>
__global__ void __launch_bounds__(threads)
    held_modulated_norm(const T *x, Index width, Vectors scale, Vectors shift, float epsilon, T *result) {
    const Index index = blockIdx.x;
    HeldRow<T, pack, threads, count> row(x + int64_t{index} * width, width);
    modulate<V, is_centred>(row, index, scale, shift, epsilon);
    row.each([&](int i, Index at) { move_pack<Stored<T, pack>>(&row.packs[i], result + int64_t{index} * width + at); });
}

// A thread takes a pack of the result.
template <class T, class V, class U, int pack>
__global__ void gated_add(const T *residual, Vectors gate, const U *x, Index packs, Index total, T *result) {
    const Index index = blockIdx.x * block + threadIdx.x;
    if (index >= total) return;
    const int64_t place = int64_t{index} * pack;
    auto sum = load<pack>(residual + place);
    const auto numbers = load<pack>(x + place), factors = load<pack>(vector<V>(gate, index / packs) + pack * (index % packs));
    for (int j = 0; j < pack; ++j) sum.values[j] += factors.values[j] * numbers.values[j];
    store(sum, result + place);
}

// Heads of a token that one thread takes in turn: they share weight and angles, and all are asked for before the first is there.
// Three are fastest where 16 threads take a head; where eight do it is one.
template <int threads, int count> constexpr int heads_together = count == 1 && threads > 8 ? 3 : 1;

// Packs stay as they are stored until they are computed with, for registers are what there is least of.
template <class T, int threads, int count>
__global__ void rms_norm_rotary(Heads x, Index groups, const T *weight, const float *cosine, const float *sine,
                                float epsilon, T *result, int64_t result_stride) {
    constexpr int together = heads_together<threads, count>, pack = longest_pack<T>;
    const Index index = row_index<threads>();
    const Index heads = x.heads, tokens = x.tokens, width = x.width, parts = (heads + together - 1) / together;
    const Index first = index % parts * together, token = index / parts % tokens, batch = index / parts / tokens;
    const Index begin = pack * (threadIdx.x % threads);
    const T *in = static_cast<const T *>(x.start) + batch * x.batch_stride + token * x.token_stride;
    // Calls `body(head, number of the pack, where it begins)` for the thread's packs.
    const auto each = [&](auto body) {
#pragma unroll
        for (int j = 0; j < together; ++j)
#pragma unroll
            for (int i = 0; i < count; ++i)
                if (const Index at = begin + i * pack * threads; index < groups && first + j < heads && at < width) body(j, i, at);
    };
    Stored<T, pack> packs[together][count];
    each([&](int j, int i, Index at) { packs[j][i] = load_pack<pack>(in + (first + j) * x.head_stride + at); });
    Numbers<pack> weights[count];
    Angles<pack> angles[count];
    each([&](int j, int i, Index at) {
        if (j > 0) return;
        const int64_t angle = (token * x.width + at) / 2;
        weights[i] = load<pack>(weight + at);
        angles[i] = {cosine + angle, sine + angle};
    });
    float sums[together] = {};
    each([&](int j, int i, Index) {
        for (float number : packs[j][i].floats().values) sums[j] += number * number;
    });
#pragma unroll
    for (float &sum : sums) sum = rsqrtf(total<threads>(sum) / width + epsilon);
    T *out = result + batch * result_stride + (int64_t{token} * heads + first) * width;
    each([&](int j, int i, Index at) {
        store(turned(scaled(packs[j][i].floats(), sums[j], weights[i]), angles[i]), out + j * x.width + at);
    });
}

template <class T, int threads, int count>
__global__ void joint_rms_norm_rotary(const T *x, Index rows, int64_t width, Index tokens, Index head_width,
                                      const T *weight, const float *cosine, const float *sine, float epsilon, T *result) {
    const Index index = row_index<threads>();
    Row<quad, threads, count> row(x + index * width, index < rows ? width : 0);
    const float factor = row.inverse_root_mean_square(epsilon);
    row.each([&](int i, Index at) {
        const int64_t angle = (int64_t{index % tokens} * head_width + at % head_width) / 2;
        const Angles<quad> angles(cosine + angle, sine + angle);
        store(turned(scaled(row.packs[i], factor, load<quad>(weight + at)), angles),
              result + index * width + at);
    });
}

// The same of a row that a block of threads holds, in packs that lie within a head.
template <class T, int pack, int threads, int count>
__global__ void __launch_bounds__(threads)
    held_joint_rms_norm_rotary(const T *x, Index width, Index tokens, Index head_width, const T *weight, const float *cosine,
                               const float *sine, float epsilon, T *result) {
    const Index index = blockIdx.x;
    HeldRow<T, pack, threads, count> row(x + int64_t{index} * width, width);
    const float factor = rsqrtf(sum_of_long_row<0>(row, [](float number) { return number * number; }) / width + epsilon);
    row.each([&](int i, Index at) {
        const int64_t angle = (int64_t{index % tokens} * head_width + at % head_width) / 2;
        const Angles<pack> angles(cosine + angle, sine + angle);
        store(turned(scaled(row.packs[i].floats(), factor, load<pack>(weight + at)), angles),
              result + int64_t{index} * width + at);
    });
}

// What a number turns against lies half a head away, mostly in another thread's hands: it is read once more. So many rows in a row
// have the angles of one token.
template <class T, int threads, int count>
__global__ void joint_rms_norm_rotary_halves(const T *x, Index rows, int64_t width, Index rows_of_token, Index tokens,
                                             Index pairs, const T *weight, const float *cosine, const float *sine,
                                             float epsilon, T *result) {
    const Index index = row_index<threads>(), token = index / rows_of_token % tokens;
    const T *in = x + index * width;
    Row<quad, threads, count> row(in, index < rows ? width : 0);
    const float factor = row.inverse_root_mean_square(epsilon);
    row.each([&](int i, Index at) {
        const Index head = at / (2 * pairs), place = at % (2 * pairs);
        const bool is_first = place < pairs;
        const Index other = is_first ? at + pairs : at - pairs;
        const int64_t angle = token * (width / 2) + head * pairs + (is_first ? place : place - pairs);
        const auto own = scaled(row.packs[i], factor, load<quad>(weight + at));
        const auto against = scaled(load<quad>(in + other), factor, load<quad>(weight + other));
        const auto c = load<quad>(cosine + angle), s = load<quad>(sine + angle);
        Numbers<quad> turned;
        for (int j = 0; j < quad; ++j)
            turned.values[j] = own.values[j] * c.values[j] + (is_first ? -against.values[j] : against.values[j]) * s.values[j];
        store(turned, result + index * width + at);
    });
}

template <class T, int threads, int count>
__global__ void rms_norm_silu(const T *x, Index rows, int64_t width, const T *weight, float epsilon, T *result) {
    const Index index = row_index<threads>();
    Row<quad, threads, count> row(x + index * width, index < rows ? width : 0);
    const float factor = row.inverse_root_mean_square(epsilon);
    row.each([&](int i, Index at) {
        auto numbers = scaled(row.packs[i], factor, load<quad>(weight + at));
        for (float &number : numbers.values) number = silu(number);
        store(numbers, result + index * width + at);
    });
}

template <class T> __device__ const T *row_of(const ct::Rows &rows, Index batch, Index token) {
    return static_cast<const T *>(rows.start) + batch * rows.batch_stride + token * rows.token_stride;
}

// A thread takes a pack of the result.
template <class T>
__global__ void swiglu(ct::Rows gate, ct::Rows x, ct::Rows beside, Index tokens, Index packs, Index total, T *result) {
    constexpr int pack = longest_pack<T>;
    const Index index = blockIdx.x * block + threadIdx.x;
    if (index >= total) return;
    const Index row = index / packs, first = pack * (index % packs), before = static_cast<Index>(beside.width);
    const Index batch = row / tokens, token = row % tokens;
    Numbers<pack> numbers;
    if (first < before) {
        numbers = load<pack>(row_of<T>(beside, batch, token) + first);
    } else {
        const Index at = first - before;
        const auto gates = load<pack>(row_of<T>(gate, batch, token) + at);
        numbers = load<pack>(row_of<T>(x, batch, token) + at);
        for (int i = 0; i < pack; ++i) numbers.values[i] *= silu(gates.values[i]);
    }
    store(numbers, result + int64_t{index} * pack);
}

// layerNorm(x) * (1 + scale) + shift, or that of rmsNorm(x).
template <bool is_centred>
cudaError_t modulate_rows(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift, float epsilon,
                          void *result, Number result_type, cudaStream_t stream) {
    with_types(result_type, type, [&](auto result_number, auto number) {
        using T = decltype(number);
        using R = decltype(result_number);
        with_types(type, scale.type, [&](auto, auto vector) {
            using V = decltype(vector);
            const auto *in = static_cast<const T *>(x);
            auto *out = static_cast<R *>(result);
            if constexpr (std::is_same_v<T, R> && sizeof(T) == 2) {
                constexpr int pack = longest_pack<V>;
                if (are_held(in, width) && width % pack == 0 && is_aligned<V>(scale) && is_aligned<V>(shift))
                    return with_held_shape<pack>(width, [&](auto threads, auto count) {
                        held_modulated_norm<T, V, is_centred, pack, threads.get, count.get>
                            <<<static_cast<unsigned>(rows), threads.get, 0, stream>>>(in, width, scale, shift, epsilon, out);
                    });
            }
            with_shape(width / quad, [&](auto threads, auto count) {
                modulated_norm<T, V, R, is_centred, threads.get, count.get>
                    <<<blocks(rows, threads.get), block, 0, stream>>>(in, rows, width, scale, shift, epsilon, out);
            });
        });
    });
    return cudaGetLastError();
}

}  // namespace

cudaError_t ct::modulated_layer_norm(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                     float epsilon, void *result, Number result_type, cudaStream_t stream) {
    return modulate_rows<true>(x, type, rows, width, scale, shift, epsilon, result, result_type, stream);
}

cudaError_t ct::modulated_rms_norm(const void *x, Number type, int64_t rows, int64_t width, Vectors scale, Vectors shift,
                                   float epsilon, void *result, Number result_type, cudaStream_t stream) {
    return modulate_rows<false>(x, type, rows, width, scale, shift, epsilon, result, result_type, stream);
}

cudaError_t ct::gated_add(const void *residual, Number type, Vectors gate, const void *x, Number x_type, int64_t rows,
                          int64_t width, void *result, cudaStream_t stream) {
    with_types(x_type, type, [&](auto x_number, auto number) {
        using U = decltype(x_number);
        using T = decltype(number);
        with_types(type, gate.type, [&](auto, auto vector) {
            using V = decltype(vector);
            const auto launch = [&](auto pack) {
                const int64_t packs = width / pack.get, total = rows * packs;
                ::gated_add<T, V, U, pack.get><<<blocks(total, 1), block, 0, stream>>>(
                    static_cast<const T *>(residual), gate, static_cast<const U *>(x), packs, total, static_cast<T *>(result));
            };
            constexpr int longest = longest_pack<U>;
            const bool is_whole = width % longest == 0 && is_aligned(x, 0) && is_aligned(residual, 0) && is_aligned<V>(gate);
            is_whole ? launch(Constant<longest>{}) : launch(Constant<quad>{});
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::rms_norm_rotary(Heads x, Number type, int64_t rows, const void *weight, const float *cosine,
                                const float *sine, float epsilon, void *result, int64_t result_stride, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const auto launch = [&](auto threads, auto count) {
            constexpr int64_t together = heads_together<threads.get, count.get>;
            const int64_t groups = rows / x.heads * ((x.heads + together - 1) / together);
            ::rms_norm_rotary<T, threads.get, count.get><<<blocks(groups, threads.get), block, 0, stream>>>(
                x, groups, static_cast<const T *>(weight), cosine, sine, epsilon, static_cast<T *>(result), result_stride);
        };
        if (const int64_t packs = x.width / longest_pack<T>; packs <= 8) {
            launch(Constant<8>{}, Constant<1>{});
        } else {
            with_shape(packs, launch);
        }
    });
    return cudaGetLastError();
}

cudaError_t ct::joint_rms_norm_rotary(const void *x, Number type, int64_t rows, int64_t width, int64_t tokens,
                                      int64_t head_width, const void *weight, const float *cosine, const float *sine,
                                      float epsilon, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        if constexpr (sizeof(T) == 2) {
            constexpr int pack = longest_pack<T>;
            const auto *in = static_cast<const T *>(x), *weights = static_cast<const T *>(weight);
            if (are_held(in, width) && head_width % pack == 0 && is_aligned(weight, 0) && is_aligned(cosine, 0) && is_aligned(sine, 0))
                return with_held_shape<pack>(width, [&](auto threads, auto count) {
                    held_joint_rms_norm_rotary<T, pack, threads.get, count.get>
                        <<<static_cast<unsigned>(rows), threads.get, 0, stream>>>(in, width, tokens, head_width, weights, cosine,
                                                                                  sine, epsilon, static_cast<T *>(result));
                });
        }
        with_shape(width / quad, [&](auto threads, auto count) {
            ::joint_rms_norm_rotary<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width, tokens, head_width, static_cast<const T *>(weight), cosine, sine,
                epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::joint_rms_norm_rotary_halves(const void *x, Number type, int64_t rows, int64_t width, int64_t rows_of_token,
                                             int64_t tokens, int64_t pairs, const void *weight, const float *cosine,
                                             const float *sine, float epsilon, void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        with_shape(width / quad, [&](auto threads, auto count) {
            ::joint_rms_norm_rotary_halves<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width, rows_of_token, tokens, pairs, static_cast<const T *>(weight), cosine,
                sine, epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::rms_norm_silu(const void *x, Number type, int64_t rows, int64_t width, const void *weight, float epsilon,
                              void *result, cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        with_shape(width / quad, [&](auto threads, auto count) {
            ::rms_norm_silu<T, threads.get, count.get><<<blocks(rows, threads.get), block, 0, stream>>>(
                static_cast<const T *>(x), rows, width, static_cast<const T *>(weight), epsilon, static_cast<T *>(result));
        });
    });
    return cudaGetLastError();
}

cudaError_t ct::swiglu(Rows gate, Rows x, Rows beside, Number type, int64_t batch, int64_t tokens, void *result,
                       cudaStream_t stream) {
    with_type(type, [&](auto number) {
        using T = decltype(number);
        const int64_t packs = (beside.width + x.width) / longest_pack<T>, total = batch * tokens * packs;
        ::swiglu<T><<<blocks(total, 1), block, 0, stream>>>(gate, x, beside, tokens, packs, total, static_cast<T *>(result));
    });
    return cudaGetLastError();
}
