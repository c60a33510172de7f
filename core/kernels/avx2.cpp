#define KERNELS avx2
#include "kernels.inl"
