// Included once per instruction set, inside its namespace (KERNELS).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#include "kernels.hpp"

namespace KERNELS {

// Four numbers side by side: a vector of whatever width the instruction set has.
typedef double Pack __attribute__((vector_size(32)));
constexpr std::size_t WIDE = 4, LANES = 8;
#ifdef __AVX512F__
constexpr std::size_t REGISTERS = 32;
#else
constexpr std::size_t REGISTERS = 16;
#endif
constexpr double INFINITE = __builtin_huge_val();

// Entries from which on what is read next is fetched: what a machine fetches by itself ends with a page.
constexpr std::size_t AHEAD = 512;

static inline Pack load(const double* x) {
    Pack out;
    std::memcpy(&out, x, sizeof out);
    return out;
}

static inline Pack load(const float* x) {
    typedef float Half __attribute__((vector_size(16)));
    Half out;
    std::memcpy(&out, x, sizeof out);
    return __builtin_convertvector(out, Pack);
}

// Two of them: one register where the machine has such.
typedef double Pair __attribute__((vector_size(64)));

static inline Pair load2(const double* x) {
    Pair out;
    std::memcpy(&out, x, sizeof out);
    return out;
}

static inline Pair load2(const float* x) {
    typedef float Whole __attribute__((vector_size(32)));
    Whole out;
    std::memcpy(&out, x, sizeof out);
    return __builtin_convertvector(out, Pair);
}

static inline void store2(double* to, Pair x) { std::memcpy(to, &x, sizeof x); }
static inline Pair larger(Pair a, Pair b) { return a > b ? a : b; }
static inline Pair both(double x) { return Pair{} + x; }
static inline Pack all(double x) { return Pack{x, x, x, x}; }
static inline double sum(Pack x) { return (x[0] + x[2]) + (x[1] + x[3]); }
static inline Pack lower(Pair x) { return Pack{x[0], x[1], x[2], x[3]}; }
static inline Pack upper(Pair x) { return Pack{x[4], x[5], x[6], x[7]}; }
static inline Pair beside(Pack a, Pack b) { return Pair{a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3]}; }
// By halves: where no register holds a pair, compilers choose between two of them entry by entry, at four times the cost.
static inline Pair lesser(Pair a, Pair b) {
    Pack c = lower(a), d = lower(b), e = upper(a), f = upper(b);
    return beside(c < d ? c : d, e < f ? e : f);
}
static inline Pair greater(Pair a, Pair b) {
    Pack c = lower(a), d = lower(b), e = upper(a), f = upper(b);
    return beside(c > d ? c : d, e > f ? e : f);
}
static inline double sum(Pair x) { return sum(lower(x) + upper(x)); }
static inline double least(Pair x) {
    for (std::size_t i = 1; i < LANES; ++i) x[0] = std::min(x[0], x[i]);
    return x[0];
}
static inline double most(Pair x) {
    for (std::size_t i = 1; i < LANES; ++i) x[0] = std::max(x[0], x[i]);
    return x[0];
}

static double dot(const double* __restrict x, const double* __restrict y, std::size_t n) {
    Pair sums[2] = {};
    std::size_t i = 0;
    for (; i + 4 * WIDE <= n; i += 4 * WIDE)
        for (std::size_t s = 0; s < 2; ++s) sums[s] += load2(x + i + 2 * s * WIDE) * load2(y + i + 2 * s * WIDE);
    Pack first = lower(sums[0]);
    for (; i + WIDE <= n; i += WIDE) first += load(x + i) * load(y + i);
    double rest = 0;
    for (; i < n; ++i) rest += x[i] * y[i];
    return sum((first + lower(sums[1])) + (upper(sums[0]) + upper(sums[1]))) + rest;
}

static void dot8(const double* __restrict x, const double* const* y, std::size_t n, double* __restrict out) {
    Pair sums[8] = {};
    std::size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        Pair at = load2(x + i);
        for (std::size_t r = 0; r < 8; ++r) sums[r] += at * load2(y[r] + i);
    }
    for (std::size_t r = 0; r < 8; ++r) {
        double rest = 0;
        for (std::size_t l = i; l < n; ++l) rest += x[l] * y[r][l];
        out[r] = sum(sums[r]) + rest;
    }
}

static void axpy(double a, const double* __restrict x, double* __restrict y, std::size_t n) {
    for (std::size_t i = 0; i < n; ++i) y[i] += a * x[i];
}

static void axpy4(const double* a, const double* const* x, double* __restrict y, std::size_t n) {
    const double a0 = a[0], a1 = a[1], a2 = a[2], a3 = a[3];
    const double *__restrict x0 = x[0], *__restrict x1 = x[1], *__restrict x2 = x[2], *__restrict x3 = x[3];
    for (std::size_t i = 0; i < n; ++i) y[i] += (a0 * x0[i] + a1 * x1[i]) + (a2 * x2[i] + a3 * x3[i]);
}


// Two sets of moments become one.
static void merge(double& mean, double& square, double& total, double other_mean, double other_square, double other_total) {
    if (!(other_total > 0)) {
        if (!(other_mean == other_mean)) mean = other_mean;  // a NaN in rows of weight zero is still told
        return;
    }
    double all = total + other_total, apart = other_mean - mean, share = other_total / all;
    mean = total > 0 ? mean + apart * share : other_mean;
    square = total > 0 ? square + other_square + apart * apart * total * share : other_square;
    total = all;
}

// The first row of a block that counts: sums are taken from it, so that a column constant in the rows that count has
// exactly that mean, and no spread.
static std::size_t first_used(const double* w, std::size_t n) {
    std::size_t i = 0;
    while (w && i + 1 < n && !(w[i] > 0)) ++i;
    return i;
}

struct Block {
    double held, sum, low, high;
};

// Sum of w (x - origin), and the extremes over rows of positive weight.
template <class T>
static Block first_look(const T* __restrict x, const double* __restrict w, std::size_t n, double origin) {
    const Pair from = both(origin), none = both(INFINITE);
    Pair held = {}, sums = {}, low = none, high = -none;
    std::size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        __builtin_prefetch(x + i + AHEAD);
        Pair at = load2(x + i), lows = at, highs = at;
        if (w) {
            Pair share = load2(w + i);
            held += share;
            sums += share * (at - from);
            lows = share > 0 ? at : none, highs = share > 0 ? at : -none;
        } else {
            sums += at - from;
        }
        low = lesser(lows, low);
        high = greater(highs, high);
    }
    Block out{w ? sum(held) : static_cast<double>(n), sum(sums), least(low), most(high)};
    for (; i < n; ++i) {
        double at = x[i], share = w ? w[i] : 1.0;
        if (w) out.held += share;
        out.sum += share * (at - origin);
        if (share > 0) out.low = at < out.low ? at : out.low, out.high = at > out.high ? at : out.high;
    }
    return out;
}

template <class T>
static double squares(const T* __restrict x, const double* __restrict w, std::size_t n, double centre) {
    const Pair from = both(centre);
    Pair sums = {};
    std::size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        Pair by = load2(x + i) - from;
        sums += w ? load2(w + i) * by * by : by * by;
    }
    double rest = 0;
    for (; i < n; ++i) {
        double by = static_cast<double>(x[i]) - centre;
        rest += w ? w[i] * by * by : by * by;
    }
    return sum(sums) + rest;
}

// Contiguous columns: one at a time, a block of its rows at a time.
template <class T>
static void moments_of_columns(const View<T>& X, const double* weights, const ColumnMoments& out) {
    for (std::size_t j = 0; j < X.p; ++j) {
        double mean = 0, square = 0, total = 0, low = INFINITE, high = -INFINITE;
        for (std::size_t start = 0; start < X.n; start += ROWS) {
            std::size_t n = std::min(X.n - start, ROWS);
            const T* x = X.data + j * X.column + start;
            const double* w = weights ? weights + start : nullptr;
            double origin = x[first_used(w, n)];
            Block look = first_look(x, w, n, origin);
            double centre = origin + (look.held > 0 ? look.sum / look.held : look.sum);
            merge(mean, square, total, centre, squares(x, w, n, centre), look.held);
            low = std::min(low, look.low), high = std::max(high, look.high);
        }
        out.mean[j] = mean, out.square[j] = square, out.low[j] = low, out.high[j] = high;
    }
}

// Contiguous rows: a strip of 4 K columns side by side, a block of rows at a time.
template <class T, std::size_t K>
static void moments_of_strip(const View<T>& X, const double* weights, std::size_t first, const ColumnMoments& out) {
    double mean[4 * K] = {}, square[4 * K] = {}, total[4 * K] = {};
    Pack low[K], high[K];
    for (std::size_t k = 0; k < K; ++k) low[k] = all(INFINITE), high[k] = all(-INFINITE);
    for (std::size_t start = 0; start < X.n; start += ROWS) {
        std::size_t n = std::min(X.n - start, ROWS);
        const T* block = X.data + start * X.row + first;
        Pack centre[K], sums[K] = {}, apart[K] = {};
        double held = 0;
        const T* origin = block + first_used(weights ? weights + start : nullptr, n) * X.row;
        for (std::size_t k = 0; k < K; ++k) centre[k] = load(origin + k * WIDE);
        for (std::size_t i = 0; i < n; ++i) {
            double w = weights ? weights[start + i] : 1.0;
            held += w;
            for (std::size_t k = 0; k < K; ++k) {
                Pack at = load(block + i * X.row + k * WIDE);
                sums[k] += all(w) * (at - centre[k]);
                if (w > 0) low[k] = at < low[k] ? at : low[k], high[k] = at > high[k] ? at : high[k];
            }
        }
        for (std::size_t k = 0; k < K; ++k) centre[k] += held > 0 ? sums[k] / all(held) : sums[k];
        for (std::size_t i = 0; i < n; ++i) {
            double w = weights ? weights[start + i] : 1.0;
            for (std::size_t k = 0; k < K; ++k) {
                Pack by = load(block + i * X.row + k * WIDE) - centre[k];
                apart[k] += all(w) * by * by;
            }
        }
        for (std::size_t j = 0; j < 4 * K; ++j)
            merge(mean[j], square[j], total[j], centre[j / 4][j % 4], apart[j / 4][j % 4], held);
    }
    for (std::size_t j = 0; j < 4 * K; ++j) {
        out.mean[first + j] = mean[j], out.square[first + j] = square[j];
        out.low[first + j] = low[j / 4][j % 4], out.high[first + j] = high[j / 4][j % 4];
    }
}

template <class T>
static void moments_of_rows(const View<T>& X, const double* weights, const ColumnMoments& out) {
    std::size_t first = 0;
    for (; first + 16 <= X.p; first += 16) moments_of_strip<T, 4>(X, weights, first, out);
    for (; first + 4 <= X.p; first += 4) moments_of_strip<T, 1>(X, weights, first, out);
    for (; first < X.p; ++first) {  // the last few: columns with a stride, gathered a block at a time
        double mean = 0, square = 0, total = 0, low = INFINITE, high = -INFINITE;
        for (std::size_t start = 0; start < X.n; start += ROWS) {
            std::size_t n = std::min(X.n - start, ROWS);
            T x[ROWS];
            for (std::size_t i = 0; i < n; ++i) x[i] = X.data[(start + i) * X.row + first];
            const double* w = weights ? weights + start : nullptr;
            double origin = x[first_used(w, n)];
            Block look = first_look(x, w, n, origin);
            double centre = origin + (look.held > 0 ? look.sum / look.held : look.sum);
            merge(mean, square, total, centre, squares(x, w, n, centre), look.held);
            low = std::min(low, look.low), high = std::max(high, look.high);
        }
        out.mean[first] = mean, out.square[first] = square, out.low[first] = low, out.high[first] = high;
    }
}

template <class T>
static void moments(const View<T>& X, const double* weights, const ColumnMoments& out) {
    if (X.row == 1) moments_of_columns(X, weights, out);
    else moments_of_rows(X, weights, out);
}

constexpr std::size_t RIGHT = 4;  // right-hand sides that share one reading of X

// Some rows of M columns of R against C contiguous columns of X side by side: one stream out of memory would wait for itself.
constexpr std::size_t LONG = 4096;  // rows whose part of R stays near

template <class T, std::size_t M, std::size_t C>
static void skinny_of_few(
    const View<T>& X, const double* shift, const double* R, std::size_t from, std::size_t to, std::size_t first,
    std::size_t stride, double* out) {
    const T* __restrict x = X.data + first * X.column;
    Pair centre[C], sums[C][M] = {};
    for (std::size_t c = 0; c < C; ++c) centre[c] = both(shift[first + c]);
    std::size_t i = from;
    for (; i + LANES <= to; i += LANES) {
        Pair at[C];
        for (std::size_t c = 0; c < C; ++c) {
            __builtin_prefetch(x + c * X.column + i + AHEAD);
            at[c] = load2(x + c * X.column + i) - centre[c];
        }
        for (std::size_t r = 0; r < M; ++r) {
            Pair here = load2(R + r * X.n + i);
            for (std::size_t c = 0; c < C; ++c) sums[c][r] += at[c] * here;
        }
    }
    for (std::size_t c = 0; c < C; ++c)
        for (std::size_t r = 0; r < M; ++r) {
            double rest = 0;
            for (std::size_t l = i; l < to; ++l)
                rest += (static_cast<double>(x[c * X.column + l]) - shift[first + c]) * R[r * X.n + l];
            out[(first + c) * stride + r] += sum(sums[c][r]) + rest;
        }
}

// All of R against C columns, which stay near meanwhile.
template <class T, std::size_t C>
static void skinny_of_columns(
    const View<T>& X, const double* shift, const double* R, std::size_t m, std::size_t from, std::size_t to, std::size_t first,
    double* out) {
    std::size_t r = 0;
    for (; r + RIGHT <= m; r += RIGHT) skinny_of_few<T, RIGHT, C>(X, shift, R + r * X.n, from, to, first, m, out + r);
    if (m - r == 3) skinny_of_few<T, 3, C>(X, shift, R + r * X.n, from, to, first, m, out + r);
    if (m - r == 2) skinny_of_few<T, 2, C>(X, shift, R + r * X.n, from, to, first, m, out + r);
    if (m - r == 1) skinny_of_few<T, 1, C>(X, shift, R + r * X.n, from, to, first, m, out + r);
}

template <class T, std::size_t C>
static void skinny_by_columns(const View<T>& X, const double* shift, const double* R, std::size_t m, double* out) {
    std::fill(out, out + X.p * m, 0.0);
    for (std::size_t from = 0; from < X.n; from += LONG) {
        std::size_t to = std::min(X.n, from + LONG), j = 0;
        for (; j + C <= X.p; j += C) skinny_of_columns<T, C>(X, shift, R, m, from, to, j, out);
        for (; j < X.p; ++j) skinny_of_columns<T, 1>(X, shift, R, m, from, to, j, out);
    }
}

// Contiguous rows: a strip of 4 K columns, a block of rows at a time, so that its part of R stays near.
template <class T, std::size_t M, std::size_t K>
static void skinny_of_strip(
    const View<T>& X, const double* shift, const double* R, std::size_t first, std::size_t from, std::size_t to,
    std::size_t stride, double* out) {
    Pack centre[K], sums[M][K] = {};
    for (std::size_t k = 0; k < K; ++k) centre[k] = load(shift + first + k * WIDE);
    for (std::size_t i = from; i < to; ++i) {
        const T* __restrict x = X.data + i * X.row + first;
        for (std::size_t k = 0; k < K; ++k) {
            Pack at = load(x + k * WIDE) - centre[k];
            for (std::size_t r = 0; r < M; ++r) sums[r][k] += at * all(R[r * X.n + i]);
        }
    }
    for (std::size_t r = 0; r < M; ++r)
        for (std::size_t j = 0; j < 4 * K; ++j) out[(first + j) * stride + r] += sums[r][j / 4][j % 4];
}

template <class T, std::size_t M>
static void skinny_of_rows(const View<T>& X, const double* shift, const double* R, std::size_t stride, double* out) {
    constexpr std::size_t K = M == 1 ? 4 : 2;
    for (std::size_t j = 0; j < X.p; ++j)
        for (std::size_t r = 0; r < M; ++r) out[j * stride + r] = 0;
    for (std::size_t from = 0; from < X.n; from += ROWS) {
        std::size_t to = std::min(X.n, from + ROWS), first = 0;
        for (; first + 4 * K <= X.p; first += 4 * K)
            skinny_of_strip<T, M, K>(X, shift, R, first, from, to, stride, out);
        for (; first + 4 <= X.p; first += 4) skinny_of_strip<T, M, 1>(X, shift, R, first, from, to, stride, out);
        for (; first < X.p; ++first)
            for (std::size_t r = 0; r < M; ++r) {
                double part = 0;
                for (std::size_t i = from; i < to; ++i)
                    part += (static_cast<double>(X.data[i * X.row + first]) - shift[first]) * R[r * X.n + i];
                out[first * stride + r] += part;
            }
    }
}

template <class T>
static void skinny(const View<T>& X, const double* shift, const double* R, std::size_t m, double* out) {
    constexpr bool many = REGISTERS > 16;  // else the sums of four columns with four of R do not fit
    if (X.row == 1) return many || m <= 2 ? skinny_by_columns<T, 4>(X, shift, R, m, out) : skinny_by_columns<T, 2>(X, shift, R, m, out);
    std::size_t r = 0;
    for (; r + RIGHT <= m; r += RIGHT) skinny_of_rows<T, RIGHT>(X, shift, R + r * X.n, m, out + r);
    if (m - r == 3) skinny_of_rows<T, 3>(X, shift, R + r * X.n, m, out + r);
    if (m - r == 2) skinny_of_rows<T, 2>(X, shift, R + r * X.n, m, out + r);
    if (m - r == 1) skinny_of_rows<T, 1>(X, shift, R + r * X.n, m, out + r);
}

typedef long long Whole __attribute__((vector_size(64)));

static inline Pair magnitude(Pair x) {
    Whole bits;
    std::memcpy(&bits, &x, sizeof bits);
    bits &= Whole{} + 0x7fffffffffffffffLL;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

// c[0] + c[1] x + ..., in four chains, since one would wait for itself.
template <std::size_t N>
static inline Pair polynomial(const double (&c)[N], Pair x) {
    static_assert(N % 4 == 0);
    Pair square = x * x, fourth = square * square, sums[4];
#pragma GCC unroll 4
    for (std::size_t i = 0; i < 4; ++i) sums[i] = both(c[N - 4 + i]);
#pragma GCC unroll 8
    for (std::size_t k = N - 4; k > 0; k -= 4)
#pragma GCC unroll 4
        for (std::size_t i = 0; i < 4; ++i) sums[i] = sums[i] * fourth + both(c[k - 4 + i]);
    return (sums[0] + sums[1] * x) + (sums[2] + sums[3] * x) * square;
}

// 2^k exp(r) with x = k log(2) + r, |r| <= log(2) / 2, and exp(r) by its series to r^13 / 13!. Below e^-708 it is 0.
static inline Pair exponential(Pair x) {
    const Pair inside = x < -708 ? both(-708) : x > 709 ? both(709) : x;
    const Pair round = both(6755399441055744.0);  // 1.5 * 2^52: adding it leaves the nearest whole number in the low bits
    Pair shifted = inside * both(1.4426950408889634) + round, k = shifted - round;
    Pair r = (inside - k * both(0x1.62e42fee00000p-1)) - k * both(0x1.a39ef35793c76p-33);
    static const double series[] = {1.0,        1.0,         0.5,          1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
                                    1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
                                    0,          0};
    Pair sum = polynomial(series, r);
    Whole bits;
    std::memcpy(&bits, &shifted, sizeof bits);
    bits = (bits + 1023) << 52;  // the magic number's own bits leave at the top
    Pair scale;
    std::memcpy(&scale, &bits, sizeof scale);
    Pair out = sum * scale;
    out = x < -708 ? both(0) : out;
    return x > 709 ? both(INFINITE) : out;
}

// log(1 + e) = 2 artanh(e / (2 + e)) for 0 <= e <= 1, by its series.
static inline Pair log_one_plus(Pair e) {
    static const double series[] = {1.0,      1.0 / 3,  1.0 / 5,  1.0 / 7,  1.0 / 9,  1.0 / 11, 1.0 / 13, 1.0 / 15, 1.0 / 17, 1.0 / 19,
                                    1.0 / 21, 1.0 / 23, 1.0 / 25, 1.0 / 27, 1.0 / 29, 1.0 / 31, 1.0 / 33, 1.0 / 35, 0,        0};
    Pair s = e / (both(2) + e);
    return (s + s) * polynomial(series, s * s);
}

struct Row {
    Pair value, gradient, curvature;
};

static inline Row bernoulli(Pair y, Pair eta) {
    Pair e = exponential(-magnitude(eta)), rare = e / (both(1) + e);
    Pair line = eta > 0 ? (both(1) - y) * eta : -(y * eta);
    Pair gradient = eta > 0 ? (both(1) - y) - rare : rare - y;
    return {log_one_plus(e) + line, gradient, rare * (both(1) - rare)};
}

static inline Row counts(Pair y, Pair eta) {
    Pair mu = exponential(eta);
    return {mu == both(INFINITE) ? mu : mu - y * eta, mu - y, mu};
}

template <class Of>
static double look(Of of, const double* y, const double* w, const double* eta, std::size_t n, double* rho, double* curvature) {
    Pair total = {};
    for (std::size_t i = 0; i < n; i += LANES) {  // the last few in copies
        double ys[LANES] = {}, ws[LANES] = {}, at[LANES] = {};
        std::size_t held = std::min(LANES, n - i);
        const double *from = y + i, *share = w + i, *here = eta + i;
        if (held < LANES) {
            std::copy(from, from + held, ys), std::copy(share, share + held, ws), std::copy(here, here + held, at);
            from = ys, share = ws, here = at;
        }
        Pair weight = load2(share);
        Row row = of(load2(from), load2(here));
        total += weight > 0 ? weight * row.value : Pair{};
        Pair g = weight > 0 ? -weight * row.gradient : Pair{}, h = weight > 0 ? weight * row.curvature : Pair{};
        std::memcpy(rho + i, &g, held * sizeof(double));
        std::memcpy(curvature + i, &h, held * sizeof(double));
    }
    return sum(total);
}

static double likelihood(
    Family family, const double* y, const double* w, const double* eta, std::size_t n, double* rho, double* curvature) {
    if (family == Family::bernoulli) return look([](Pair at, Pair x) { return bernoulli(at, x); }, y, w, eta, n, rho, curvature);
    return look([](Pair at, Pair x) { return counts(at, x); }, y, w, eta, n, rho, curvature);
}

// A step's own account: what it predicted of the residuals, how far that is from the truth (squared, over the curvatures), and
// whether it is within a curvature everywhere.
static double judge(const double* __restrict before, const double* __restrict metric, const double* __restrict moved,
                    const double* __restrict rho, const double* __restrict curvature, std::size_t n,
                    double* __restrict predicted, bool& admitted) {
    Pair sums = {};
    Whole bad = {};
    std::size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        Pair there = load2(before + i) - load2(metric + i) * load2(moved + i), apart = there - load2(rho + i), h = load2(curvature + i);
        std::memcpy(predicted + i, &there, sizeof there);
        bad |= ~(magnitude(apart) <= h);
        Pair term = apart * apart / h;
        sums += apart == 0 ? Pair{} : term;
    }
    double rest = 0;
    bool good = true;
    for (std::size_t l = 0; l < LANES; ++l) good = good && !bad[l];
    for (; i < n; ++i) {
        double there = before[i] - metric[i] * moved[i], apart = there - rho[i];
        predicted[i] = there;
        good = good && (apart < 0 ? -apart : apart) <= curvature[i];
        if (apart != 0) rest += apart * apart / curvature[i];
    }
    admitted = good;
    return sum(sums) + rest;
}

static void chord(const Chord& c, double* work, double* largest, bool* over) {
    double *tops = work, *counts = work + c.b * LANES;  // of each model, for some columns side by side
    std::fill(tops, counts, 0.0);
    for (std::size_t first = 0; first < c.p; first += LANES) {
        const std::size_t n = std::min(LANES, c.p - first);
        std::array<const double*, 8> at{c.read[0], c.read[1], c.read[2], c.read[3], c.up, c.down, c.reach, c.end};
        double rest[8][LANES] = {};
        for (std::size_t k = 0; k < 8; ++k) {
            at[k] += first;
            if (n < LANES) at[k] = std::copy(at[k], at[k] + n, rest[k]) - n;
        }
        const Pair x0 = load2(at[0]), x1 = load2(at[1]), x2 = load2(at[2]), x3 = load2(at[3]);
        const Pair up = load2(at[4]), down = load2(at[5]), reach = load2(at[6]);
        Pair beyond = {};
        for (std::size_t i = 0; i < c.b; ++i) {
            const double* a = c.inside + i;
            const bool last = i + 1 == c.b;
            Pair pull = (both(a[0]) * x0 + both(a[c.b]) * x1) + (both(a[2 * c.b]) * x2 + both(a[3 * c.b]) * x3);
            if (last) pull = load2(at[7]);
            Pair here = larger(up * pull, -down * pull) + reach * both(last ? 0.0 : c.apart[i]);
            beyond = here <= both(c.allowed[i]) ? beyond : both(1.0);  // NaN is beyond
            store2(counts + i * LANES, here);
        }
        for (std::size_t i = 0; i < c.b; ++i) {
            Pair here = load2(counts + i * LANES);
            store2(tops + i * LANES, larger(load2(tops + i * LANES), beyond > 0 ? Pair{} : here));
        }
        for (std::size_t l = 0; l < n; ++l) over[first + l] = beyond[l] > 0;
    }
    for (std::size_t i = 0; i < c.b; ++i) largest[i] = most(load2(tops + i * LANES));
}

#include "shrink.inl"

#define SHRINKAGE_TEXT(name) #name
#define SHRINKAGE_NAME(name) SHRINKAGE_TEXT(name)
const Kernels table{SHRINKAGE_NAME(KERNELS), dot, dot8,       axpy,           axpy4,         moments<float>,
                    moments<double>, skinny<float>, skinny<double>, likelihood, judge, chord,
                    shrink<float>, shrink<double>, shrink_groups<float>, shrink_groups<double>};

}  // namespace KERNELS
