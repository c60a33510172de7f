#include <cstdlib>
#include <cstring>
#include "kernels.hpp"

// SHRINKAGE_KERNELS=baseline (or avx2) asks for a narrower set than the machine has: for tests.
static const Kernels& widest() {
#ifdef SHRINKAGE_X86
    const char* asked = std::getenv("SHRINKAGE_KERNELS");
    bool wide = !asked || std::strcmp(asked, "avx512") == 0, middle = wide || std::strcmp(asked, "avx2") == 0;
    if (wide && __builtin_cpu_supports("avx512f")) return avx512::table;
    if (middle && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return avx2::table;
#endif
    return baseline::table;
}

const Kernels& kernels() {
    static const Kernels& chosen = widest();
    return chosen;
}
