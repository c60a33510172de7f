#define KERNELS baseline
#include "kernels.inl"
