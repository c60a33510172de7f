// Newton on the active set: with signs and bounds as they stand the problem is a linear system. Coordinate descent finds
// the face, this walks to its minimiser, so ill-conditioned designs do not crawl.
#pragma once
#include <algorithm>
#include <cmath>
#include <vector>
#include "quadratic.hpp"

// In place, lower triangle, row-major; false where a pivot is lost to rounding, or on Ctrl-C.
inline bool cholesky(std::vector<double>& A, std::size_t m, const Interrupted& interrupted) {
    for (std::size_t j = 0; j < m; ++j) {
        if (j % 16 == 0 && interrupted()) return false;
        double* row = &A[j * m];
        double diagonal = row[j], pivot = diagonal;
        for (std::size_t i = 0; i < j; ++i) pivot -= row[i] * row[i];
        if (!(pivot > 1e-11 * diagonal)) return false;
        pivot = std::sqrt(pivot);
        row[j] = pivot;
        for (std::size_t l = j + 1; l < m; ++l) {
            double* other = &A[l * m];
            double sum = other[j];
            for (std::size_t i = 0; i < j; ++i) sum -= other[i] * row[i];
            other[j] = sum / pivot;
        }
    }
    return true;
}

inline void solve_cholesky(const std::vector<double>& L, std::vector<double>& x, std::size_t m) {
    for (std::size_t j = 0; j < m; ++j) {
        double sum = x[j];
        for (std::size_t i = 0; i < j; ++i) sum -= L[j * m + i] * x[i];
        x[j] = sum / L[j * m + j];
    }
    for (std::size_t j = m; j-- > 0;) {
        double sum = x[j];
        for (std::size_t i = j + 1; i < m; ++i) sum -= L[i * m + j] * x[i];
        x[j] = sum / L[j * m + j];
    }
}

enum class Newton { failed, partial, full };

// One step to the minimiser of the current face, or as far as the first sign change or bound; undone if it does not help.
// For problems of l1, l2 and box terms only.
inline Newton newton_step(Quadratic& Q, const Interrupted& interrupted) {
    std::vector<std::size_t> active;
    for (std::size_t j = 0; j < Q.k; ++j) {
        Term t = Q.terms[j];
        bool inside = Q.w[j] > t.low && Q.w[j] < t.high;
        if (inside && (Q.w[j] != 0 || t.l1 == 0)) active.push_back(j);
    }
    std::size_t m = active.size();
    if (m == 0) return Newton::failed;
    std::vector<double> A(m * m), step(m);
    for (std::size_t a = 0; a < m; ++a) {
        Term t = Q.terms[active[a]];
        const double* g = Q.row(active[a]);
        for (std::size_t b = 0; b <= a; ++b) A[a * m + b] = g[active[b]];
        A[a * m + a] += t.l2;
        double w = Q.w[active[a]];
        step[a] = Q.q[active[a]] - Q.Gw[active[a]] - t.l2 * w - t.l1 * (w > 0 ? 1 : w < 0 ? -1 : 0);
    }
    if (!cholesky(A, m, interrupted)) return Newton::failed;
    solve_cholesky(A, step, m);
    double size = 1;
    std::size_t first = m;
    double stop = 0;
    for (std::size_t a = 0; a < m; ++a) {
        Term t = Q.terms[active[a]];
        double w = Q.w[active[a]], to = w + step[a], edge = to;
        if (t.l1 > 0 && ((w > 0 && to < 0) || (w < 0 && to > 0))) edge = 0;
        edge = t.clip(edge);
        if (edge == to) continue;
        double share = (edge - w) / step[a];
        if (share < size) size = share, first = a, stop = edge;
    }
    double before = Q.objective();
    std::vector<double> old(Q.w, Q.w + Q.k);
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
