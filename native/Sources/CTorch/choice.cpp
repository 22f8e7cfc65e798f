#include "choice.h"
#include "support.h"

#include <ATen/Version.h>
#include <c10/core/ScalarType.h>
#include <torch/headeronly/version.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <optional>
#include <sstream>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

namespace ct {
namespace {

std::mutex mutex;
std::string made;

std::string type_name(at::ScalarType type) {
    switch (type) {
    case at::kFloat: return "float32";
    case at::kHalf: return "float16";
    case at::kBFloat16: return "bfloat16";
    default: return c10::toString(type);
    }
}

// The processor's own name, its vendor, and what LibTorch and its libraries use of it: a name of a file.
std::string processor() {
    std::string name;
#if defined(__x86_64__)
    unsigned words[12] = {}, vendor[4] = {};
    __get_cpuid(0, &vendor[0], &vendor[1], &vendor[2], &vendor[3]);
    name.append(reinterpret_cast<const char *>(&vendor[1]), 4).append(reinterpret_cast<const char *>(&vendor[3]), 4);
    name.append(reinterpret_cast<const char *>(&vendor[2]), 4).append(" ");
    for (unsigned leaf = 0; leaf < 3; ++leaf) {
        unsigned *part = words + 4 * leaf;
        __get_cpuid(0x80000002 + leaf, &part[0], &part[1], &part[2], &part[3]);
    }
    name.append(reinterpret_cast<const char *>(words), sizeof words);
    name = name.substr(0, name.find('\0'));
#endif
    name += std::string(" ") + at::get_cpu_capability();
    if (has_avx512_bfloat16()) name += " bf16";
    if (has_avx512_float16()) name += " fp16";
    if (has_amx_bfloat16()) name += " amx";
    name += " torch " TORCH_VERSION;
    for (char &letter : name)
        if (!isalnum(static_cast<unsigned char>(letter)) && letter != '.') letter = '-';
    return name;
}

std::optional<std::filesystem::path> cache_file() {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    std::filesystem::path folder;
    if (cache && *cache == '/')
        folder = cache;
    else if (home && *home == '/')
        folder = std::filesystem::path(home) / ".cache";
    else
        return std::nullopt;
    return folder / "visualgen" / "kernels" / processor();
}

std::optional<size_t> place(const std::vector<Way> &ways, const std::string &name) {
    for (size_t i = 0; i < ways.size(); ++i)
        if (name == ways[i].name) return i;
    return std::nullopt;
}

// What VISUALGEN_KERNELS says.
std::optional<size_t> asked_for(const std::string &key, const std::vector<Way> &ways) {
    const char *text = getenv("VISUALGEN_KERNELS");
    std::istringstream parts(text ? text : "");
    for (std::string part; std::getline(parts, part, ',');)
        if (part.starts_with(key + "=")) return place(ways, part.substr(key.size() + 1));
    return std::nullopt;
}

struct Remembered {
    size_t place;
    std::string times;
};

// The last line of the file that is about this choice, among these ways: "product.bfloat16 plain,wide wide plain 4.1 ms, …".
std::optional<Remembered> remembered(const std::string &key, const std::string &names, const std::vector<Way> &ways) {
    const auto file = cache_file();
    if (!file) return std::nullopt;
    std::ifstream lines(*file);
    std::optional<Remembered> found;
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string about, among, way, times;
        if (!(words >> about >> among >> way) || about != key || among != names) continue;
        std::getline(words >> std::ws, times);
        if (const auto place = ct::place(ways, way)) found = {*place, times};
    }
    return found;
}

// One short write at the end of the file: processes that write at once do not mix their lines. What cannot be written is
// measured again next time.
void remember(const std::string &line) {
    const auto file = cache_file();
    std::error_code error;
    if (!file) return;
    std::filesystem::create_directories(file->parent_path(), error);
    const int descriptor = open(file->c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    if (descriptor < 0) return;
    [[maybe_unused]] const ssize_t written = write(descriptor, line.data(), line.size());
    close(descriptor);
}

// Seconds of each way: the least of some rounds in turn, after one that is not counted.
std::vector<double> measured(const std::vector<Way> &ways) {
    constexpr int rounds = 4;
    std::vector<double> seconds(ways.size(), std::numeric_limits<double>::infinity());
    for (int round = 0; round <= rounds; ++round)
        for (size_t i = 0; i < ways.size(); ++i) {
            const auto start = std::chrono::steady_clock::now();
            ways[i].run();
            const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
            if (round > 0) seconds[i] = std::min(seconds[i], elapsed.count());
        }
    return seconds;
}

void note(const std::string &kernel, at::ScalarType type, const char *way, const std::string &why) {
    const std::lock_guard lock(mutex);
    made += kernel + " " + type_name(type) + ": " + way + " (" + why + ")\n";
}

}  // namespace

size_t fastest(const char *kernel, at::ScalarType type, const std::vector<Way> &ways, double margin) {
    const std::string key = std::string(kernel) + "." + type_name(type);
    std::string names;
    for (const Way &way : ways) names += (names.empty() ? "" : ",") + std::string(way.name);
    if (ways.size() == 1) {
        note(kernel, type, names.c_str(), "the only one here");
        return 0;
    }
    if (const auto way = asked_for(key, ways)) {
        note(kernel, type, ways[*way].name, "asked for by VISUALGEN_KERNELS");
        return *way;
    }
    if (const auto known = remembered(key, names, ways)) {
        note(kernel, type, ways[known->place].name, "measured before: " + known->times);
        return known->place;
    }
    const std::vector<double> seconds = measured(ways);
    const size_t least = std::min_element(seconds.begin(), seconds.end()) - seconds.begin();
    const size_t chosen = seconds[least] * margin < seconds[0] ? least : 0;
    std::string times;
    for (size_t i = 0; i < ways.size(); ++i) {
        char text[64];
        snprintf(text, sizeof text, "%s%s %.3f ms", i == 0 ? "" : ", ", ways[i].name, seconds[i] * 1e3);
        times += text;
    }
    remember(key + " " + names + " " + ways[chosen].name + " " + times + "\n");
    note(kernel, type, ways[chosen].name, "measured: " + times);
    return chosen;
}

std::string choices_made() {
    const std::lock_guard lock(mutex);
    return made;
}

}  // namespace ct

const char *ct_kernel_choices(void) {
    return ct::run(
        []() -> const char * {
            thread_local std::string text;
            text = ct::choices_made();
            return text.c_str();
        },
        "");
}
