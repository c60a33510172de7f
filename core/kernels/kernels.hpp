// The few loops in which the time goes. One source, kernels.inl, is built once per instruction set; the widest the machine
// has is chosen at run time. Sums run over a fixed number of lanes and nothing is contracted into fused operations, so that
// every instruction set gives the same bits; but for `inner`, which stands in for BLAS, whose sums are each machine's own.
#pragma once
#include <array>
#include <cstddef>

// n x p, entry (i, j) at data[i * row + j * column]; one of the two strides is 1.
template <class T>
struct View {
    const T* data;
    std::size_t n, p, row, column;
};

// Contiguous rows, `stride` apart.
struct Rows {
    const double* data;
    std::size_t count, stride;
};

// Per column, each of length p: weighted mean, weighted sum of squares about it, extremes over rows of positive weight.
struct ColumnMoments {
    double *mean, *square, *low, *high;
};

constexpr std::size_t ROWS = 256;  // of a block: with a tile of columns it stays in the first cache

enum class Family { bernoulli, poisson };

// What is known of p columns' pulls at b models whose dual vectors lie `apart` (b,) from combinations `inside` (4, b) of four
// vectors: `read` are the columns' products with each of these, (p,). A pull v of column j counts as
// max(up v, -down v), and adds reach times apart; at the last model it is `end` (p,).
struct Chord {
    std::size_t p, b;
    std::array<const double*, 4> read;
    const double *inside, *apart, *up, *down, *reach, *end, *allowed;
};

// How far a gradient of 1 moves a coefficient, of its moment m and what stands beside it, x:
//   constant  rate
//   root      rate / (sqrt(m) + floor)
//   ratio     rate / m
//   centred   rate / (sqrt(m - x^2) + floor)
//   moves     rate sqrt((x + floor) / (m + floor))
// and `still` where m <= least: where there has been no gradient.
enum class Rule { constant, root, ratio, centred, moves };

// A proximal step of l1 |w| + l2 w^2 / 2 + C(|w|) on [low, high] (C: slope, fall, flat, as in terms.hpp), and of `group` times
// the norm of each group.
template <class T>
struct Shrink {
    Rule rule;
    const T *moment, *beside;
    T rate, floor, least, still, l1, l2, low, high, slope, fall, flat, group;
};

struct Kernels {
    const char* name;
    double (*dot)(const double* x, const double* y, std::size_t n);
    // out[i] = x . y[i] for eight y: x is read once
    void (*dot8)(const double* x, const double* const* y, std::size_t n, double* out);
    // y += a x
    void (*axpy)(double a, const double* x, double* y, std::size_t n);
    // y += a0 x0 + a1 x1 + a2 x2 + a3 x3: y is read and written once for four rows
    void (*axpy4)(const double* a, const double* const* x, double* y, std::size_t n);
    // Moments of the columns of an n x p matrix, by blocks of rows merged as Chan, Golub and LeVeque (1979) do.
    void (*moments32)(const View<float>& X, const double* weights, const ColumnMoments& out);
    void (*moments64)(const View<double>& X, const double* weights, const ColumnMoments& out);
    // out (p, m) = (X - shift)' R for R with contiguous columns.
    void (*skinny32)(const View<float>& X, const double* shift, const double* R, std::size_t m, double* out);
    void (*skinny64)(const View<double>& X, const double* shift, const double* R, std::size_t m, double* out);
    // At n predictors: minus the weighted gradients, the weighted curvatures; returns the weighted sum of the losses. A row of
    // weight 0 is not there.
    double (*likelihood)(Family family, const double* y, const double* w, const double* eta, std::size_t n, double* rho,
                         double* curvature);
    // predicted = before - metric moved; sum of (predicted - rho)^2 / curvature, and whether |predicted - rho| <= curvature.
    double (*judge)(const double* before, const double* metric, const double* moved, const double* rho, const double* curvature,
                    std::size_t n, double* predicted, bool& admitted);
    // over (p,): the columns that may count more than `allowed` (b,) somewhere; largest (b,): the most that others count.
    // `work`: room for 16 b numbers.
    void (*chord)(const Chord& chord, double* work, double* largest, bool* over);
    // w (n,) in place; whether a moment is not above `least`.
    bool (*shrink32)(float* w, std::size_t n, const Shrink<float>& step);
    bool (*shrink64)(double* w, std::size_t n, const Shrink<double>& step);
    // The same for w (groups, size), each row a group. `seen`: rows whose moments are all above `least`, else all others.
    bool (*shrink_groups32)(float* w, std::size_t groups, std::size_t size, const Shrink<float>& step, bool seen);
    bool (*shrink_groups64)(double* w, std::size_t groups, std::size_t size, const Shrink<double>& step, bool seen);
    // out (m, l) += A B' for rows of n numbers; `half`: B is A, and out symmetric, which halves the work.
    void (*inner)(const Rows& A, const Rows& B, std::size_t n, bool half, double* out);
};

// The table for this machine.
const Kernels& kernels();

namespace baseline { extern const Kernels table; }
#ifdef SHRINKAGE_X86
namespace avx2 { extern const Kernels table; }
namespace avx512 { extern const Kernels table; }
#endif
