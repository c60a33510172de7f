// Included once per instruction set, inside its namespace (KERNELS).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>
#if defined(__AVX2__)
#include <immintrin.h>
#endif
#include "kernels.hpp"

namespace KERNELS {

#include "vectors.inl"

typedef Vector<double, 4> Pack;
typedef Vector<double, 8> Pair;
typedef decltype(Pair{} < Pair{}) Whole;  // whole numbers as wide as a Pair's
constexpr std::size_t WIDE = 4, LANES = 8, PAIRS = REGISTER * REGISTERS / sizeof(Pair);  // that registers hold
constexpr double INFINITE = __builtin_huge_val();

// Entries from which on what is read next is fetched: what a machine fetches by itself ends with a page.
constexpr std::size_t AHEAD = 512;
constexpr std::size_t STRIP = 512;  // columns of contiguous rows whose sums stay near, and whose entries are read page by page

static inline Pair both(double x) { return spread<Pair>(x); }
static inline double sum(Pack x) { return (x[0] + x[2]) + (x[1] + x[3]); }
static inline double sum(Pair x) { return sum(lower<Pack>(x) + upper<Pack>(x)); }
static inline double least(Pair x) {
    double out = x[0];
    for (std::size_t i = 1; i < LANES; ++i) out = std::min(out, x[i]);
    return out;
}
static inline double most(Pair x) {
    double out = x[0];
    for (std::size_t i = 1; i < LANES; ++i) out = std::max(out, x[i]);
    return out;
}

static double dot(const double* __restrict x, const double* __restrict y, std::size_t n) {
    Pair sums[2] = {};
    std::size_t i = 0;
    for (; i + 4 * WIDE <= n; i += 4 * WIDE)
        for (std::size_t s = 0; s < 2; ++s) sums[s] += load<Pair>(x + i + 2 * s * WIDE) * load<Pair>(y + i + 2 * s * WIDE);
    Pack first = lower<Pack>(sums[0]);
    for (; i + WIDE <= n; i += WIDE) first += load<Pack>(x + i) * load<Pack>(y + i);
    double rest = 0;
    for (; i < n; ++i) rest += x[i] * y[i];
    return sum((first + lower<Pack>(sums[1])) + (upper<Pack>(sums[0]) + upper<Pack>(sums[1]))) + rest;
}

// As many of the eight at a time as have registers for their sums.
static void dot8(const double* __restrict x, const double* const* y, std::size_t n, double* __restrict out) {
    constexpr std::size_t SOME = std::min<std::size_t>(8, PAIRS / 2);
    for (std::size_t first = 0; first < 8; first += SOME) {
        Pair sums[SOME] = {};
        std::size_t i = 0;
        for (; i + LANES <= n; i += LANES) {
            Pair at = load<Pair>(x + i);
#pragma GCC unroll 8
            for (std::size_t r = 0; r < SOME; ++r) sums[r] += at * load<Pair>(y[first + r] + i);
        }
        for (std::size_t r = 0; r < SOME; ++r) {
            double rest = 0;
            for (std::size_t l = i; l < n; ++l) rest += x[l] * y[first + r][l];
            out[first + r] = sum(sums[r]) + rest;
        }
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
    mean = total > 0 || !(mean == mean) ? mean + apart * share : other_mean;
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
        Pair at = load<Pair>(x + i), lows = at, highs = at;
        if (w) {
            Pair share = load<Pair>(w + i);
            held += share;
            sums += share * (at - from);
            lows = choose(share > both(0), at, none), highs = choose(share > both(0), at, -none);
        } else {
            sums += at - from;
        }
        low = lesser(lows, low);
        high = larger(highs, high);
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
        Pair by = load<Pair>(x + i) - from;
        sums += w ? load<Pair>(w + i) * by * by : by * by;
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

// Contiguous rows: a strip of columns side by side, a block of rows at a time.
constexpr std::size_t DEEP = 64;  // rows of a block whose strip stays near for the second look

struct Looks {
    double centre[STRIP], sum[STRIP], low[STRIP], high[STRIP];
};

// Q rows' part in the sums of w (x - centre), or of w (x - centre)^2, and in the extremes; the next Q rows are fetched.
template <bool SQUARES, std::size_t Q, class T>
static inline void look_at_rows(const T* x, std::size_t row, const double* w, std::size_t width, Looks& looks) {
    for (std::size_t k = 0; k < width; k += LANES) {
        const Pair centre = load<Pair>(looks.centre + k);
        Pair sums = load<Pair>(looks.sum + k), low = load<Pair>(looks.low + k), high = load<Pair>(looks.high + k);
#pragma GCC unroll 4
        for (std::size_t q = 0; q < Q; ++q) {
            const Pair at = load<Pair>(x + q * row + k), by = at - centre, share = both(w[q]);
            if (!SQUARES) __builtin_prefetch(x + (q + Q) * row + k);
            sums += SQUARES ? share * by * by : share * by;
            if (!SQUARES && w[q] > 0) low = lesser(at, low), high = larger(at, high);
        }
        store(looks.sum + k, sums), store(looks.low + k, low), store(looks.high + k, high);
    }
}

template <bool SQUARES, class T>
static void look_at_block(const T* x, std::size_t row, const double* w, std::size_t n, std::size_t width, Looks& looks) {
    std::fill(looks.sum, looks.sum + width, 0.0);
    std::size_t i = 0;
    for (; i + 4 <= n; i += 4) look_at_rows<SQUARES, 4>(x + i * row, row, w + i, width, looks);
    for (; i < n; ++i) look_at_rows<SQUARES, 1>(x + i * row, row, w + i, width, looks);
}

// The moments of columns `first` and on, of which there are `width`; `padded`, in whole vectors.
template <class T>
static void moments_of_strip(
    const View<T>& X, const double* weights, std::size_t first, std::size_t width, std::size_t padded, const ColumnMoments& out) {
    double mean[STRIP] = {}, square[STRIP] = {}, total[STRIP] = {}, ones[DEEP];
    T copy[DEEP * LANES];
    Looks looks;
    if (padded > width) std::fill(copy, copy + DEEP * LANES, T(0));
    std::fill(ones, ones + DEEP, 1.0);
    std::fill(looks.low, looks.low + STRIP, INFINITE), std::fill(looks.high, looks.high + STRIP, -INFINITE);
    for (std::size_t start = 0; start < X.n; start += DEEP) {
        const std::size_t n = std::min(X.n - start, DEEP);
        const T* x = X.data + start * X.row + first;
        const double* w = weights ? weights + start : ones;
        std::size_t row = X.row;
        if (padded > width) {  // less than one vector of columns
            for (std::size_t i = 0; i < n; ++i) std::copy(x + i * row, x + i * row + width, copy + i * LANES);
            x = copy, row = LANES;
        }
        const T* origin = x + first_used(weights ? w : nullptr, n) * row;
        std::copy(origin, origin + padded, looks.centre);
        look_at_block<false>(x, row, w, n, padded, looks);
        double held = 0;
        for (std::size_t i = 0; i < n; ++i) held += w[i];
        for (std::size_t j = 0; j < padded; ++j) looks.centre[j] += held > 0 ? looks.sum[j] / held : looks.sum[j];
        look_at_block<true>(x, row, w, n, padded, looks);
        for (std::size_t j = 0; j < width; ++j) merge(mean[j], square[j], total[j], looks.centre[j], looks.sum[j], held);
    }
    std::copy(mean, mean + width, out.mean + first), std::copy(square, square + width, out.square + first);
    std::copy(looks.low, looks.low + width, out.low + first), std::copy(looks.high, looks.high + width, out.high + first);
}

template <class T>
static void moments_of_rows(const View<T>& X, const double* weights, const ColumnMoments& out) {
    for (std::size_t first = 0; first < X.p;) {
        const std::size_t left = X.p - first, width = left < LANES ? left : std::min(STRIP, left / LANES * LANES);
        moments_of_strip(X, weights, first, width, std::max(width, LANES), out);
        first += width;
    }
}

template <class T>
static void moments(const View<T>& X, const double* weights, const ColumnMoments& out) {
    if (X.row == 1) moments_of_columns(X, weights, out);
    else moments_of_rows(X, weights, out);
}

constexpr std::size_t RIGHT = 4;  // right-hand sides that share one reading of X

// f(how many, the first of them) for m right-hand sides, RIGHT at a time and then the rest; how many is a constant.
template <class F>
static void few(std::size_t m, F f) {
    std::size_t r = 0;
    for (; r + RIGHT <= m; r += RIGHT) f(std::integral_constant<std::size_t, RIGHT>(), r);
    if (m - r == 3) f(std::integral_constant<std::size_t, 3>(), r);
    if (m - r == 2) f(std::integral_constant<std::size_t, 2>(), r);
    if (m - r == 1) f(std::integral_constant<std::size_t, 1>(), r);
}

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
#pragma GCC unroll 4
        for (std::size_t c = 0; c < C; ++c) {
            __builtin_prefetch(x + (C + c) * X.column + i);  // the next columns: a stretch ahead in this one may be past its end
            at[c] = load<Pair>(x + c * X.column + i) - centre[c];
        }
#pragma GCC unroll 4
        for (std::size_t r = 0; r < M; ++r) {
            Pair here = load<Pair>(R + r * X.n + i);
#pragma GCC unroll 4
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
    few(m, [&](auto count, std::size_t r) {
        skinny_of_few<T, count(), C>(X, shift, R + r * X.n, from, to, first, m, out + r);
    });
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

// Contiguous rows: Q of them against M columns of R, on a strip of columns; the next Q rows are fetched.
template <class T, std::size_t M, std::size_t Q>
static void skinny_of_strip(
    const View<T>& X, const double* shift, const double* R, std::size_t i, std::size_t first, std::size_t width,
    double (&sums)[M][STRIP]) {
    const T* x = X.data + i * X.row + first;
    std::size_t k = 0;
    for (; k + LANES <= width; k += LANES) {
        const Pair centre = load<Pair>(shift + first + k);
        Pair here[M];
#pragma GCC unroll 4
        for (std::size_t r = 0; r < M; ++r) here[r] = load<Pair>(sums[r] + k);
#pragma GCC unroll 4
        for (std::size_t q = 0; q < Q; ++q) {
            __builtin_prefetch(x + (q + Q) * X.row + k);
            const Pair at = load<Pair>(x + q * X.row + k) - centre;
#pragma GCC unroll 4
            for (std::size_t r = 0; r < M; ++r) here[r] += at * both(R[r * X.n + i + q]);
        }
#pragma GCC unroll 4
        for (std::size_t r = 0; r < M; ++r) store(sums[r] + k, here[r]);
    }
    for (; k < width; ++k)
        for (std::size_t q = 0; q < Q; ++q)
            for (std::size_t r = 0; r < M; ++r)
                sums[r][k] += (static_cast<double>(x[q * X.row + k]) - shift[first + k]) * R[r * X.n + i + q];
}

// A block of rows of that strip against M columns of R.
template <class T, std::size_t M>
static void skinny_of_block(
    const View<T>& X, const double* shift, const double* R, std::size_t from, std::size_t first, std::size_t stride, double* out) {
    const std::size_t to = std::min(X.n, from + ROWS), width = std::min(STRIP, X.p - first);
    double sums[M][STRIP] = {};
    std::size_t i = from;
    for (; i + 4 <= to; i += 4) skinny_of_strip<T, M, 4>(X, shift, R, i, first, width, sums);
    for (; i < to; ++i) skinny_of_strip<T, M, 1>(X, shift, R, i, first, width, sums);
    for (std::size_t j = 0; j < width; ++j)
        for (std::size_t r = 0; r < M; ++r) out[(first + j) * stride + r] += sums[r][j];
}

template <class T>
static void skinny_by_rows(const View<T>& X, const double* shift, const double* R, std::size_t m, double* out) {
    std::fill(out, out + X.p * m, 0.0);
    for (std::size_t from = 0; from < X.n; from += ROWS)
        for (std::size_t first = 0; first < X.p; first += STRIP)
            few(m, [&](auto count, std::size_t r) {
                skinny_of_block<T, count()>(X, shift, R + r * X.n, from, first, m, out + r);
            });
}

template <class T>
static void skinny(const View<T>& X, const double* shift, const double* R, std::size_t m, double* out) {
    constexpr bool many = PAIRS > 16;  // else the sums of four columns with four of R do not fit
    if (X.row != 1) return skinny_by_rows(X, shift, R, m, out);
    return many || m <= 2 ? skinny_by_columns<T, 4>(X, shift, R, m, out) : skinny_by_columns<T, 2>(X, shift, R, m, out);
}

static inline Pair magnitude(Pair x) { return bits<Pair>(bits<Whole>(x) & spread<Whole>(0x7fffffffffffffffLL)); }

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
    const Pair inside = choose(x < both(-708), both(-708), choose(x > both(709), both(709), x));
    const Pair round = both(6755399441055744.0);  // 1.5 * 2^52: adding it leaves the nearest whole number in the low bits
    Pair shifted = inside * both(1.4426950408889634) + round, k = shifted - round;
    Pair r = (inside - k * both(0x1.62e42fee00000p-1)) - k * both(0x1.a39ef35793c76p-33);
    static const double series[] = {1.0,        1.0,         0.5,          1.0 / 6,       1.0 / 24,       1.0 / 120,       1.0 / 720,
                                    1.0 / 5040, 1.0 / 40320, 1.0 / 362880, 1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800,
                                    0,          0};
    Pair sum = polynomial(series, r);
    // the magic number's own bits leave at the top
    Pair out = sum * bits<Pair>((bits<Whole>(shifted) + spread<Whole>(1023)) << 52);
    out = choose(x < both(-708), both(0), out);
    return choose(x > both(709), both(INFINITE), out);
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
    Pair line = choose(eta > both(0), (both(1) - y) * eta, -(y * eta));
    Pair gradient = choose(eta > both(0), (both(1) - y) - rare, rare - y);
    return {log_one_plus(e) + line, gradient, rare * (both(1) - rare)};
}

static inline Row counts(Pair y, Pair eta) {
    Pair mu = exponential(eta);
    return {choose(mu == both(INFINITE), mu, mu - y * eta), mu - y, mu};
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
        Pair weight = load<Pair>(share);
        Row row = of(load<Pair>(from), load<Pair>(here));
        const auto counted = weight > both(0);
        total += choose(counted, weight * row.value, Pair{});
        Pair g = choose(counted, -weight * row.gradient, Pair{}), h = choose(counted, weight * row.curvature, Pair{});
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
    Whole within = spread<Whole>(-1);
    std::size_t i = 0;
    for (; i + LANES <= n; i += LANES) {
        Pair there = load<Pair>(before + i) - load<Pair>(metric + i) * load<Pair>(moved + i);
        Pair apart = there - load<Pair>(rho + i), h = load<Pair>(curvature + i);
        store(predicted + i, there);
        within = within & (magnitude(apart) <= h);
        Pair term = apart * apart / h;
        sums += choose(apart == both(0), Pair{}, term);
    }
    double rest = 0;
    bool good = true;
    for (std::size_t l = 0; l < LANES; ++l) good = good && within[l];
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
        const Pair x0 = load<Pair>(at[0]), x1 = load<Pair>(at[1]), x2 = load<Pair>(at[2]), x3 = load<Pair>(at[3]);
        const Pair up = load<Pair>(at[4]), down = load<Pair>(at[5]), reach = load<Pair>(at[6]);
        Pair beyond = {};
        for (std::size_t i = 0; i < c.b; ++i) {
            const double* a = c.inside + i;
            const bool last = i + 1 == c.b;
            Pair pull = (both(a[0]) * x0 + both(a[c.b]) * x1) + (both(a[2 * c.b]) * x2 + both(a[3 * c.b]) * x3);
            if (last) pull = load<Pair>(at[7]);
            Pair here = larger(up * pull, -down * pull) + reach * both(last ? 0.0 : c.apart[i]);
            beyond = choose(here <= both(c.allowed[i]), beyond, both(1.0));  // NaN is beyond
            store(counts + i * LANES, here);
        }
        for (std::size_t i = 0; i < c.b; ++i) {
            Pair here = load<Pair>(counts + i * LANES);
            store(tops + i * LANES, larger(load<Pair>(tops + i * LANES), choose(beyond > both(0), Pair{}, here)));
        }
        for (std::size_t l = 0; l < n; ++l) over[first + l] = beyond[l] > 0;
    }
    for (std::size_t i = 0; i < c.b; ++i) largest[i] = most(load<Pair>(tops + i * LANES));
}

#include "shrink.inl"
#include "inner.inl"

#define SHRINKAGE_TEXT(name) #name
#define SHRINKAGE_NAME(name) SHRINKAGE_TEXT(name)
const Kernels table{SHRINKAGE_NAME(KERNELS), dot, dot8,       axpy,           axpy4,         moments<float>,
                    moments<double>, skinny<float>, skinny<double>, likelihood, judge, chord,
                    shrink<float>, shrink<double>, shrink_groups<float>, shrink_groups<double>, inner};

}  // namespace KERNELS
