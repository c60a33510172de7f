// Newton on the active set: with signs and bounds as they stand the problem is a linear system. Coordinate descent finds
// the face, this walks to its minimiser, so ill-conditioned designs do not crawl.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>
#include "quadratic.hpp"

// In place, lower triangle, row-major; false where a pivot is lost to rounding or negative, or on Ctrl-C. Eight rows at a time
// read those above them once.
inline bool cholesky(std::vector<double>& A, std::size_t m, const Interrupted& interrupted) {
    constexpr std::size_t FEW = 8;
    for (std::size_t first = 0; first < m; first += FEW) {
        if (interrupted()) return false;
        const std::size_t count = std::min(FEW, m - first);
        double *rows[FEW], dots[FEW];
        for (std::size_t r = 0; r < FEW; ++r) rows[r] = &A[(first + std::min(r, count - 1)) * m];
        for (std::size_t i = 0; i < first; ++i) {
            const double* above = &A[i * m];
            kernels().dot8(above, rows, i, dots);
            for (std::size_t r = 0; r < count; ++r) rows[r][i] = (rows[r][i] - dots[r]) / above[i];
        }
        for (std::size_t r = 0; r < count; ++r) {
            double* row = rows[r];
            const std::size_t j = first + r;
            for (std::size_t i = first; i < j; ++i) row[i] = (row[i] - kernels().dot(row, &A[i * m], i)) / A[i * m + i];
            double diagonal = row[j], pivot = diagonal - kernels().dot(row, row, j);
            if (!(pivot > 1e-11 * diagonal)) return false;
            row[j] = std::sqrt(pivot);
        }
    }
    return true;
}

inline void solve_cholesky(const std::vector<double>& L, std::vector<double>& x, std::size_t m) {
    for (std::size_t j = 0; j < m; ++j) x[j] = (x[j] - kernels().dot(&L[j * m], x.data(), j)) / L[j * m + j];
    for (std::size_t j = m; j-- > 0;) {
        x[j] /= L[j * m + j];
        kernels().axpy(-x[j], &L[j * m], x.data(), j);
    }
}

enum class Newton { failed, partial, full };

// One step to the minimiser of the current face, on which the penalty is a quadratic, or as far as the first sign change,
// bound or knot; undone if it does not help, as beside a concave part, where the face may have no minimiser.
inline Newton newton_step(Quadratic& Q, const Interrupted& interrupted) {
    std::vector<std::size_t> active;
    for (std::size_t j = 0; j < Q.k(); ++j) {
        Term t = Q.terms[j];
        bool inside = Q.w[j] > t.low && Q.w[j] < t.high;
        if (inside && (Q.w[j] != 0 || (t.l1 == 0 && t.slope == 0))) active.push_back(j);
    }
    std::size_t m = active.size();
    if (m == 0) return Newton::failed;
    std::vector<double> A(m * m), step(m);
    for (std::size_t a = 0; a < m; ++a) {
        double w = Q.w[active[a]], way = w > 0 ? 1 : w < 0 ? -1 : 0;
        Term t = Q.terms[active[a]];
        Term::Piece piece = t.piece(std::abs(w));
        const double* g = Q.row(active[a]);
        for (std::size_t b = 0; b <= a; ++b) A[a * m + b] = g[active[b]];
        A[a * m + a] += t.l2 + piece.bend;
        step[a] = Q.q[active[a]] - Q.Gw[active[a]] - t.l2 * w - way * piece.slope;
    }
    if (!cholesky(A, m, interrupted)) return Newton::failed;
    solve_cholesky(A, step, m);
    double size = 1;
    std::size_t first = m;
    double stop = 0;
    for (std::size_t a = 0; a < m; ++a) {
        Term t = Q.terms[active[a]];
        double w = Q.w[active[a]], way = w < 0 ? -1 : 1, to = w + step[a];
        Term::Piece piece = t.piece(std::abs(w));
        double end = way * std::min(std::max(way * to, piece.near), piece.far), edge = t.clip(end);
        if (edge == to) continue;
        double share = (edge - w) / step[a];
        if (share < size) size = share, first = a, stop = edge == end ? way * t.beyond(way * end, way * w) : edge;
    }
    double before = Q.objective();
    std::vector<double> old(Q.w, Q.w + Q.k());
    for (std::size_t a = 0; a < m; ++a) {
        Term t = Q.terms[active[a]];
        Q.w[active[a]] = a == first ? stop : t.clip(old[active[a]] + size * step[a]);
    }
    Q.refresh();
    if (Q.objective() <= before + 1e-15 * std::abs(before)) return first == m ? Newton::full : Newton::partial;
    std::copy(old.begin(), old.end(), Q.w);
    Q.refresh();
    return Newton::failed;
}

// Steps until one is full: each partial one takes a coefficient out of the face. Returns whether w moved.
inline bool newton(Quadratic& Q, const Interrupted& interrupted, int most = 32) {
    for (int step = 0; step < most; ++step) {
        Newton result = newton_step(Q, interrupted);
        if (result != Newton::partial) return step > 0 || result == Newton::full;
    }
    return true;
}
