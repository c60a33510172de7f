#define KERNELS avx512
#include "kernels.inl"
