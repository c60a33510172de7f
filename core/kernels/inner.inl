// Included by kernels.inl: the rows of a matrix times those of another, or its own. The entries of a block are held in registers
// while two sets of rows go by. Each entry depends on its two rows alone, whichever block it falls into, so that equal rows give equal sums.

typedef Vector<double, REGISTER / sizeof(double)> Register;
constexpr std::size_t ABREAST = REGISTER / sizeof(double);
constexpr std::size_t EDGE = REGISTERS < 32 ? 3 : 5;  // of a block: EDGE (EDGE + 1) registers, and one more
constexpr std::size_t DEPTH = 512, BESIDE = 200;      // terms, and rows, that a second cache of 1 MiB keeps

template <class V>
static inline double total(V x) {
    if constexpr (sizeof(V) == 2 * sizeof(double)) return x[0] + x[1];
    else return sum(x);
}

// At `to`, of rows `width` long, adds the products of M rows with N others, n long.
template <std::size_t M, std::size_t N>
static inline void block(const double* a, std::size_t across, const double* b, std::size_t stride, std::size_t n, double* to,
                         std::size_t width) {
    Register sums[M][N] = {};
    std::size_t k = 0;
    for (; k + ABREAST <= n; k += ABREAST) {
        Register x[M];
#pragma GCC unroll 8
        for (std::size_t i = 0; i < M; ++i) x[i] = load<Register>(a + i * across + k);
#pragma GCC unroll 8
        for (std::size_t j = 0; j < N; ++j) {
            const Register y = load<Register>(b + j * stride + k);
#pragma GCC unroll 8
            for (std::size_t i = 0; i < M; ++i) sums[i][j] = fused(x[i], y, sums[i][j]);
        }
    }
    for (std::size_t i = 0; i < M; ++i)
        for (std::size_t j = 0; j < N; ++j) {
            double rest = 0;
            for (std::size_t l = k; l < n; ++l) rest += a[i * across + l] * b[j * stride + l];
            to[i * width + j] += total(sums[i][j]) + rest;
        }
}

// M rows with others, `count` of them.
template <std::size_t M>
static inline void strip(const double* a, std::size_t across, const double* b, std::size_t stride, std::size_t n, std::size_t count,
                         double* to, std::size_t width) {
    std::size_t j = 0;
    for (; j + EDGE <= count; j += EDGE) block<M, EDGE>(a, across, b + j * stride, stride, n, to + j, width);
    for (; j < count; ++j) block<M, 1>(a, across, b + j * stride, stride, n, to + j, width);
}

// To `out` (m, l), adds the products of A's rows with B's; where `half`, A is B, and what lies above the diagonal is copied.
static void inner(const Rows& A, const Rows& B, std::size_t n, bool half, double* out) {
    for (std::size_t first = 0; first < n; first += DEPTH) {
        const std::size_t some = std::min(DEPTH, n - first);
        for (std::size_t left = 0; left < B.count; left += BESIDE) {
            const std::size_t right = std::min(left + BESIDE, B.count);
            const double* b = B.data + left * B.stride + first;
            std::size_t i = half ? left : 0;
            for (; i + EDGE <= A.count; i += EDGE)
                strip<EDGE>(A.data + i * A.stride + first, A.stride, b, B.stride, some,
                            (half ? std::min(i + EDGE, right) : right) - left, out + i * B.count + left, B.count);
            for (; i < A.count; ++i)
                strip<1>(A.data + i * A.stride + first, A.stride, b, B.stride, some,
                         (half ? std::min(i + 1, right) : right) - left, out + i * B.count + left, B.count);
        }
    }
    if (half)
        for (std::size_t i = 0; i < A.count; ++i)
            for (std::size_t j = 0; j < i; ++j) out[j * A.count + i] = out[i * A.count + j];
}
