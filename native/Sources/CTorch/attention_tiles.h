// The tiles of attention, written once for every processor: attention.cpp includes this file in a namespace of its own for each,
// with that processor's instructions switched on.
//
//   CT_WIDTH    floats of a vector
//   CT_ROWS     rows of a product that the registers hold, two vectors wide
//   CT_NUMBERS  numbers of a 32-bit word: one float, or two bfloat16
//   CT_WORDS    words that one instruction multiplies along a row: one, or the 16 of a row of an AMX tile
//
// Where words hold floats, whole numbers of 8 bits have a product of their own, of words with two whole numbers of 16 bits.

constexpr int64_t width = CT_WIDTH, rows = CT_ROWS, vectors = 2, columns = width * vectors;
constexpr int64_t numbers_in_word = CT_NUMBERS, numbers_at_once = CT_NUMBERS * CT_WORDS;

typedef float Vector __attribute__((vector_size(CT_WIDTH * sizeof(float))));
typedef int32_t Whole __attribute__((vector_size(CT_WIDTH * sizeof(int32_t))));

inline Vector read(const void *source) {
    Vector value;
    __builtin_memcpy(&value, source, sizeof value);
    return value;
}

template <class Value> void write(const Value &value, void *target) { __builtin_memcpy(target, &value, sizeof value); }

// A word as what it holds, whatever wrote it: scores become words in place.
template <class Value> Value read_word(const uint32_t *word) {
    static_assert(sizeof(Value) == sizeof *word);
    Value value;
    __builtin_memcpy(&value, word, sizeof value);
    return value;
}

// word: that of a number or, where words hold pairs, of a number and the one a stride behind it, if there are two.
// put: writes a vector of numbers into words, from a place on that counts in numbers.
#if CT_NUMBERS == 1
template <class T> uint32_t word(const T *number, int64_t, int64_t) { return __builtin_bit_cast(uint32_t, load(*number)); }

inline void put(const Vector &values, uint32_t *words, int64_t place) { write(values, words + place); }
#else
inline uint32_t word(const bfloat16 *number, int64_t stride, int64_t count) {
    return number->bits | (count > 1 ? uint32_t{number[stride].bits} << 16 : 0);
}

inline void put(const Vector &values, uint32_t *words, int64_t place) {
    write(_mm512_cvtneps_pbh((__m512)values), reinterpret_cast<char *>(words) + 2 * place);
}
#endif

// How words are multiplied and added up.
struct Floats {
    using Sum = Vector;
    static Vector value(const Sum &sum) { return sum; }
#if CT_NUMBERS == 1
    static void add(Sum &sum, const uint32_t *word, const Vector &words) { sum += read_word<float>(word) * words; }
#elif CT_WORDS == 1
    static void add(Sum &sum, const uint32_t *word, const Vector &words) {
        const __m512i left = _mm512_set1_epi32(read_word<int32_t>(word));
        sum = (Vector)_mm512_dpbf16_ps((__m512)sum, (__m512bh)left, (__m512bh)words);
    }
#endif
    template <class T> static uint32_t pack(const T *number, int64_t stride, int64_t count) {
        return word(number, stride, count);
    }
    static constexpr int64_t in_word = numbers_in_word, at_once = numbers_at_once;
};

#if CT_NUMBERS == 1
// Two whole numbers of a word by two others.
struct Wholes {
    using Sum = Whole;
    static Vector value(const Sum &sum) { return __builtin_convertvector(sum, Vector); }
    static void add(Sum &sum, const uint32_t *word, const Vector &words) {
#if CT_WIDTH == 16
        sum += (Whole)_mm512_madd_epi16(_mm512_set1_epi32(read_word<int32_t>(word)), (__m512i)words);
#elif CT_WIDTH == 8
        sum += (Whole)_mm256_madd_epi16(_mm256_set1_epi32(read_word<int32_t>(word)), (__m256i)words);
#elif defined(__x86_64__)
        sum += (Whole)_mm_madd_epi16(_mm_set1_epi32(read_word<int32_t>(word)), (__m128i)words);
#else
        const int32_t left = read_word<int32_t>(word);
        const Whole right = (Whole)words;
        sum += (left << 16 >> 16) * (right << 16 >> 16) + (left >> 16) * (right >> 16);
#endif
    }
    static uint32_t pack(const bfloat16 *number, int64_t stride, int64_t count) {
        const auto whole = [](bfloat16 value) { return static_cast<uint16_t>(static_cast<int16_t>(load(value))); };
        return whole(*number) | (count > 1 ? uint32_t{whole(number[stride])} << 16 : 0);
    }
    static constexpr int64_t in_word = 2, at_once = 2;
};
#else
// bfloat16 holds them, and its pairs are as fast.
using Wholes = Floats;
#endif

#if CT_WORDS == 1
// One tile of a product: out = left · right, or out = factor · out + left · right with a factor for each row.
template <class Words>
void multiply(const uint32_t *left, int64_t left_stride, const uint32_t *right, int64_t depth, float *out, int64_t out_stride,
              const float *factors) {
    typename Words::Sum sums[rows][vectors] = {};
    for (int64_t k = 0; k < depth; ++k) {
        Vector words[vectors];
        for (int64_t i = 0; i < vectors; ++i) words[i] = read(right + k * columns + i * width);
        for (int64_t row = 0; row < rows; ++row)
            for (int64_t i = 0; i < vectors; ++i) Words::add(sums[row][i], left + row * left_stride + k, words[i]);
    }
    for (int64_t row = 0; row < rows; ++row)
        for (int64_t i = 0; i < vectors; ++i) {
            float *target = out + row * out_stride + i * width;
            const Vector sum = Words::value(sums[row][i]);
            write(factors ? factors[row] * read(target) + sum : sum, target);
        }
}
#else
// GCC does not say of the instructions for tiles that they read and write memory.
inline void settle_memory() { __asm__ volatile("" ::: "memory"); }

// The same in two by two tiles of sums, with two on either side of the product.
template <class Words>
void multiply(const uint32_t *left, int64_t left_stride, const uint32_t *right, int64_t depth, float *out, int64_t out_stride,
              const float *factors) {
    const int64_t out_bytes = out_stride * 4, left_bytes = left_stride * 4, right_bytes = columns * 4;
    float *lower = out + 16 * out_stride;
    if (factors)
        for (int64_t row = 0; row < rows; ++row)
            for (int64_t i = 0; i < vectors; ++i) {
                float *target = out + row * out_stride + i * width;
                write(factors[row] * read(target), target);
            }
    settle_memory();
    if (factors) {
        _tile_loadd(0, out, out_bytes);
        _tile_loadd(1, out + width, out_bytes);
        _tile_loadd(2, lower, out_bytes);
        _tile_loadd(3, lower + width, out_bytes);
    } else {
        _tile_zero(0);
        _tile_zero(1);
        _tile_zero(2);
        _tile_zero(3);
    }
    for (int64_t k = 0; k < depth; k += CT_WORDS) {
        _tile_loadd(4, left + k, left_bytes);
        _tile_loadd(6, right + k * columns, right_bytes);
        _tile_dpbf16ps(0, 4, 6);
        _tile_loadd(7, right + k * columns + width, right_bytes);
        _tile_dpbf16ps(1, 4, 7);
        _tile_loadd(5, left + 16 * left_stride + k, left_bytes);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, out, out_bytes);
    _tile_stored(1, out + width, out_bytes);
    _tile_stored(2, lower, out_bytes);
    _tile_stored(3, lower + width, out_bytes);
    settle_memory();
}

// The registers of a thread as eight tiles of 16 rows of 16 words, while this lives.
struct Tiles {
    Tiles() {
        struct alignas(64) {
            uint8_t palette = 1, start_row = 0, reserved[14] = {};
            uint16_t bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
            uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
        } layout;
        _tile_loadconfig(&layout);
    }
    ~Tiles() { _tile_release(); }
    Tiles(const Tiles &) = delete;
};
#endif

// A panel of a product: some rows by the panel's columns. Sums are of `depth_together` words at most, and then added up.
template <class Words>
void multiply_panel(const uint32_t *left, int64_t left_stride, const uint32_t *right, int64_t depth, int64_t count, float *out,
                    int64_t out_stride, const float *factors) {
    for (int64_t from = 0; from < depth; from += depth_together)
        for (int64_t row = 0; row < count; row += rows)
            multiply<Words>(left + row * left_stride + from, left_stride, right + from * columns,
                            std::min(depth_together, depth - from), out + row * out_stride, out_stride,
                            from > 0 ? ones.data() : factors ? factors + row : nullptr);
}

// 2^x of numbers from -126 to 0; numbers below count as -126. Floats come to about one unit in the last place, by the polynomial
// of Cephes; what is rounded to bfloat16 afterwards to 3e-6, by the best one of that degree.
inline Vector power_of_two(const Vector &number) {
    constexpr float coefficients[] = {
#if CT_NUMBERS == 1
        1.535336188319500e-4f, 1.339887440266574e-3f, 9.618437357674640e-3f, 5.550332471162809e-2f,
        2.402264791363012e-1f, 6.931472028550421e-1f, 1.0f
#else
        9.570101967657693e-3f, 5.591786076154297e-2f, 2.402474483031093e-1f, 6.931218146828059e-1f,
        9.999992614437787e-1f
#endif
    };
    const Vector x = number < -126.0f ? Vector{} - 126.0f : number;
    // Adding 1.5 · 2^23 rounds to a whole number and leaves it in the low bits.
    const Vector shifted = x + 12582912.0f;
    const Vector r = x - (shifted - 12582912.0f);
    Vector p = Vector{} + coefficients[0];
    for (size_t i = 1; i < std::size(coefficients); ++i) p = p * r + coefficients[i];
    return (Vector)((Whole)p + ((Whole)shifted << 23));
}

// Joins the numbers of a vector, halves by halves.
template <class Join> float fold(const Vector &numbers, const Join &join) {
    float all[width];
    write(numbers, all);
    for (int64_t half = width / 2; half > 0; half /= 2)
        for (int64_t i = 0; i < half; ++i) all[i] = join(all[i], all[i + half]);
    return all[0];
}

inline float largest(const Vector &numbers) {
    return fold(numbers, [](float a, float b) { return a < b ? b : a; });
}

inline float sum(const Vector &numbers) {
    return fold(numbers, [](float a, float b) { return a + b; });
}

// What becomes of the weights of values, which are powers of two from 0 to 1, before they are multiplied.
struct Exact {
    static constexpr float largest = 1;
    static Vector of(const Vector &weights) { return weights; }
};

// 448 times the weights, rounded to what E4M3 has.
struct E4M3Weights {
    static constexpr float largest = 448;
    static Vector of(const Vector &weights) {
        const Vector number = weights * largest;
        // The power of two that a number begins with, or 2^-6, below which E4M3 counts in equal steps.
        const Whole power = (Whole)number & 0x7f800000, least = Whole{} + 0x3c800000;
        // The last bit of this is an eighth of that power: what is smaller is rounded away.
        const Vector shift = (Vector)(power < least ? least : power) * 1572864.0f;
        const Vector shifted = number + shift;
        return shifted - shift;
    }
};

// Turns a row of scores into powers of two below the running maximum, as words in place, and brings maximum and sum up to date.
// Scores and maximum count in powers of two: times 1 / ln 2; the sum is a vector's of parts, of powers before they are rounded.
// Returns by how much what was summed before shrinks.
template <class Weights>
float soften(float *scores, int64_t count, float scale, const float *key_scales, const float *mask, int64_t mask_stride,
             float &maximum, float *totals) {
    const int64_t padded = round_up(count, std::max(width, numbers_at_once));
    Vector largest_yet = Vector{} - infinity;
    // Without a mask the scale waits for the second pass.
    const bool is_scaled = key_scales || mask || scale <= 0;
    if (key_scales) {
        CT_ANY_ORDER
        for (int64_t i = 0; i < count; ++i) scores[i] *= key_scales[i] * scale;
    } else if (is_scaled)
        for (int64_t i = 0; i < count; ++i)
            scores[i] = scores[i] * scale + (mask ? mask[i * mask_stride] * per_ln2 : 0);
    for (int64_t i = count; i < padded; ++i) scores[i] = -infinity;
    for (int64_t i = 0; i < padded; i += width) {
        const Vector score = read(scores + i);
        largest_yet = largest_yet < score ? score : largest_yet;
    }
    const float factor = is_scaled ? 1 : scale;
    const float before = maximum, now = std::max(before, largest(largest_yet) * factor);
    maximum = now;
    if (now == -infinity) {
        // All is hidden so far.
        std::fill_n(scores, padded, 0);
        return 1;
    }
    Vector sums{};
    for (int64_t i = 0; i < padded; i += width) {
        const Vector powers = power_of_two(read(scores + i) * factor - now);
        put(Weights::of(powers), reinterpret_cast<uint32_t *>(scores), i);
        sums += powers;
    }
    const Vector shrink = before == -infinity ? Vector{} : power_of_two(Vector{} + (before - now));
    write(read(totals) * shrink + sums, totals);
    return shrink[0];
}

// Lays a panel of keys out as [panels][words of a key][keys of the panel].
template <class T, class Words> void pack_keys(Shape shape, const T *keys, int64_t panel, uint32_t *out) {
    out += panel * shape.depth * columns;
    const int64_t count = std::min(columns, shape.keys - panel * columns);
    if (count < columns || shape.width % Words::at_once) std::fill_n(out, shape.depth * columns, 0);
    for (int64_t key = 0; key < count; ++key) {
        const T *source = keys + (panel * columns + key) * shape.key[2];
        for (int64_t i = 0; i < shape.width; i += Words::in_word)
            out[i / Words::in_word * columns + key] = Words::pack(source + i, 1, shape.width - i);
    }
}

// Lays the values of one block of keys out as [panels of numbers][words of keys][numbers of the panel].
template <class T> void pack_values(Shape shape, const T *values, int64_t block, uint32_t *out) {
    const int64_t first = block * keys_together, count = std::min(keys_together, shape.keys - first);
    const int64_t depth = round_up(count, numbers_at_once) / numbers_in_word;
    out += first / numbers_in_word * shape.padded_width;
    if (shape.width < shape.padded_width || count % numbers_at_once) std::fill_n(out, depth * shape.padded_width, 0);
    for (int64_t key = 0; key < count; key += numbers_in_word) {
        const T *source = values + (first + key) * shape.value[2];
        for (int64_t start = 0; start < shape.width; start += columns) {
            uint32_t *target = out + (start * depth + key / numbers_in_word * columns);
            const int64_t stride = shape.value[2], left = count - key, numbers = std::min(columns, shape.width - start);
            CT_ANY_ORDER
            for (int64_t i = 0; i < numbers; ++i) target[i] = word(source + start + i, stride, left);
        }
    }
}

// The attention of a block of rows of one head.
template <class T, class Out, class Words, class Weights>
void attend_rows(Shape shape, int64_t batch, int64_t head, int64_t block, const T *query, const uint32_t *keys,
                 const uint32_t *values, Out *out, float *log_sums, Scratch &scratch) {
    const int64_t index = batch * shape.heads + head;
    const float *query_scales = shape.query_scales ? shape.query_scales + index * shape.rows : nullptr;
    const float *key_scales = shape.key_scales ? shape.key_scales + index * shape.keys : nullptr;
    const float *value_scales = shape.value_scales ? shape.value_scales + index * shape.width : nullptr;
    const int64_t first = block * rows_together, count = std::min(rows_together, shape.rows - first);
    const int64_t padded = round_up(count, rows);
#if CT_WORDS > 1
    const Tiles tiles;
#endif
    std::fill_n(scratch.queries, padded * shape.depth, 0);
    for (int64_t row = 0; row < count; ++row) {
        const T *source = query + (first + row) * shape.query[2];
        uint32_t *words = scratch.queries + row * shape.depth;
        CT_ANY_ORDER
        for (int64_t i = 0; i < shape.width; i += Words::in_word)
            words[i / Words::in_word] = Words::pack(source + i, 1, shape.width - i);
    }
    std::fill_n(scratch.results, padded * shape.padded_width, 0);
    std::fill_n(scratch.maxima, padded, -infinity);
    std::fill_n(scratch.totals, padded * width, 0);
    std::fill_n(scratch.factors, padded, 0);
    for (int64_t start = 0; start < shape.keys; start += keys_together) {
        const int64_t seen = std::min(keys_together, shape.keys - start);
        for (int64_t column = 0; column < seen; column += columns)
            multiply_panel<Words>(scratch.queries, shape.depth, keys + (start + column) * shape.depth, shape.depth, padded,
                           scratch.scores + column, keys_together, nullptr);
        for (int64_t row = 0; row < count; ++row) {
            const float *mask = shape.masks ? shape.masks + batch * shape.mask[0] + head * shape.mask[1] +
                                                  (first + row) * shape.mask[2] + start * shape.mask[3]
                                            : nullptr;
            const float scale = query_scales ? shape.scale * query_scales[first + row] : shape.scale;
            scratch.factors[row] = soften<Weights>(scratch.scores + row * keys_together, seen, scale,
                                                   key_scales ? key_scales + start : nullptr, mask, shape.mask[3],
                                                   scratch.maxima[row], scratch.totals + row * width);
        }
        const int64_t depth = round_up(seen, numbers_at_once) / numbers_in_word;
        const uint32_t *block_values = values + start / numbers_in_word * shape.padded_width;
        for (int64_t column = 0; column < shape.padded_width; column += columns)
            multiply_panel<Floats>(reinterpret_cast<uint32_t *>(scratch.scores), keys_together, block_values + column * depth,
                                   depth, padded, scratch.results + column, shape.padded_width, scratch.factors);
    }
    for (int64_t row = 0; row < count; ++row) {
        // [batch, rows, heads, width]
        Out *target = out + ((batch * shape.rows + first + row) * shape.heads + head) * shape.width;
        const float *result = scratch.results + row * shape.padded_width;
        const float total = sum(read(scratch.totals + row * width));
        // Scales mean that nothing was hidden: only numbers that are not finite have no sum then, and give NaN.
        const float factor = total > 0 || value_scales ? 1 / (total * Weights::largest) : 0;
        if (value_scales) {
            CT_ANY_ORDER
            for (int64_t i = 0; i < shape.width; ++i) store(result[i] * factor * value_scales[i], target[i]);
        } else {
            CT_ANY_ORDER
            for (int64_t i = 0; i < shape.width; ++i) store(result[i] * factor, target[i]);
        }
        if (log_sums)
            log_sums[index * shape.rows + first + row] =
                scratch.maxima[row] / per_ln2 + __builtin_logf(total);
    }
}

template <class T, class Out, class Words, class Weights>
constexpr Scores<T, Out> scores = {Words::in_word, Words::at_once, pack_keys<T, Words>,
                                   attend_rows<T, Out, Words, Weights>};

constexpr Scores<bfloat16, float> scores_of_wholes = scores<bfloat16, float, Wholes, E4M3Weights>;

template <class T>
constexpr Kernel<T> kernel = {
    columns, numbers_in_word, numbers_at_once, pack_values<T>, scores<T, T, Floats, Exact>,
    scores<T, float, Floats, E4M3Weights>, scores_of_wholes,
};

#undef CT_WIDTH
#undef CT_ROWS
#undef CT_NUMBERS
#undef CT_WORDS
