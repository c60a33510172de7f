// Included by kernels.inl: a matrix times its transpose, the entries of a block held in registers while two sets of rows go by.
// Each entry depends on its two rows alone, whichever block it falls into, so that equal rows give equal sums.

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
static inline void block(const double* a, const double* b, std::size_t stride, std::size_t n, double* to, std::size_t width) {
    Register sums[M][N] = {};
    std::size_t k = 0;
    for (; k + ABREAST <= n; k += ABREAST) {
        Register x[M];
#pragma GCC unroll 8
        for (std::size_t i = 0; i < M; ++i) x[i] = load<Register>(a + i * stride + k);
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
            for (std::size_t l = k; l < n; ++l) rest += a[i * stride + l] * b[j * stride + l];
            to[i * width + j] += total(sums[i][j]) + rest;
        }
}

// M rows with the others before `end`.
template <std::size_t M>
static inline void strip(const double* a, const double* b, std::size_t stride, std::size_t n, std::size_t end, double* to,
                         std::size_t width) {
    std::size_t j = 0;
    for (; j + EDGE <= end; j += EDGE) block<M, EDGE>(a, b + j * stride, stride, n, to + j, width);
    for (; j < end; ++j) block<M, 1>(a, b + j * stride, stride, n, to + j, width);
}

static void square(const double* A, std::size_t m, std::size_t n, std::size_t stride, double* out) {
    std::fill(out, out + m * m, 0.0);
    for (std::size_t first = 0; first < n; first += DEPTH) {
        const std::size_t some = std::min(DEPTH, n - first);
        for (std::size_t left = 0; left < m; left += BESIDE) {
            const double* b = A + left * stride + first;
            const std::size_t right = std::min(left + BESIDE, m);
            std::size_t i = left;
            for (; i + EDGE <= m; i += EDGE)
                strip<EDGE>(A + i * stride + first, b, stride, some, std::min(i + EDGE, right) - left, out + i * m + left, m);
            for (; i < m; ++i)
                strip<1>(A + i * stride + first, b, stride, some, std::min(i + 1, right) - left, out + i * m + left, m);
        }
    }
    for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = 0; j < i; ++j) out[j * m + i] = out[i * m + j];
}
