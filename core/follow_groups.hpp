// A group lasso path in the space of a Gram matrix: minimise w'Gw/2 - q'w + c sum_g omega_g ||w_g|| for one strength c after
// another, by exact minimisation over one group at a time (Yuan and Lin, 2006, JRSS B 68, whose blocks are orthonormal; here
// any block, by the secular equation of Foygel and Drton, 2010, arXiv 1010.3320).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include "follow.hpp"
#include "newton.hpp"
#include "quadratic.hpp"

// Group i has the members starts[i] .. starts[i + 1] of `members`, and the strength omega[i] where that of the path is one.
struct Blocks {
    const std::int64_t *starts, *members;
    const double* omega;
    std::size_t count;
    std::size_t size(std::size_t i) const { return static_cast<std::size_t>(starts[i + 1] - starts[i]); }
    const std::int64_t* of(std::size_t i) const { return members + starts[i]; }
};

class GroupFollower {
public:
    // `most`: rounds of three sweeps for one strength.
    GroupFollower(Strip gram, const double* q, double yy, Blocks groups, double* w, int most)
        : gram(gram), q(q), yy(yy), groups(groups), w(w), most(most), g(gram.k) {
        refresh();
    }

    int sweeps = 0;

    // Sweeps until the duality gap is at most `target`, or `most` rounds are done; returns the gap reached.
    double solve(double c, double target, const Interrupted& interrupted) {
        strength = c;
        double now = gap();
        for (int round = 0; now > target && round < most; ++round) {
            for (int inner = 0; inner < 3; ++inner) sweep(inner == 0);
            now = gap();
            if (interrupted()) break;
        }
        refresh();
        return gap();
    }

    // P - D over these columns at the dual point scaled into its domain, each summand >= 0.
    double gap() const {
        double share = 1, squares = yy;
        for (std::size_t i = 0; i < groups.count; ++i)
            share = std::min(share, groups.omega[i] * strength / std::max(norm(g.data(), i), TINY));
        for (std::size_t j = 0; j < gram.k; ++j) squares -= w[j] * (q[j] + g[j]);
        double sum = (1 - share) * (1 - share) * std::max(squares, 0.0) / 2;
        for (std::size_t i = 0; i < groups.count; ++i) {
            double size = norm(w, i), along = 0;
            if (size == 0) continue;
            for (std::size_t a = 0; a < groups.size(i); ++a) along += w[groups.of(i)[a]] * g[groups.of(i)[a]];
            sum += std::max(groups.omega[i] * strength * size - share * along, 0.0);
        }
        return sum;
    }

private:
    static constexpr double TINY = std::numeric_limits<double>::min();
    Strip gram;
    const double* q;
    double yy;
    Blocks groups;
    double* w;
    int most;
    std::vector<double> g, u, block, factor, z, y;  // g is q - G w
    double strength = 0, shares[4];
    const double* rows[4];
    std::size_t held = 0;

    double norm(const double* x, std::size_t i) const {
        double sum = 0;
        for (std::size_t a = 0; a < groups.size(i); ++a) sum += x[groups.of(i)[a]] * x[groups.of(i)[a]];
        return std::sqrt(sum);
    }

    void refresh() {
        std::copy(q, q + gram.k, g.begin());
        for (std::size_t j = 0; j < gram.k; ++j)
            if (w[j] != 0) take(-w[j], j);
        taken();
    }

    void sweep(bool all) {
        ++sweeps;
        for (std::size_t i = 0; i < groups.count; ++i) {
            bool used = norm(w, i) > 0;
            if (!used && (!all || norm(g.data(), i) <= groups.omega[i] * strength)) continue;
            update(i);
        }
    }

    // w_g to its minimiser, all else held: 0, or h z with (h G_gg + c omega I) z = u and ||z|| = 1. 1 / ||z|| is concave in h,
    // so that Newton's method cannot miss the root.
    void update(std::size_t i) {
        std::size_t size = groups.size(i);
        const std::int64_t* at = groups.of(i);
        double c = groups.omega[i] * strength, length = 0, h = 0;
        u.assign(size, 0), block.resize(size * size);
        for (std::size_t a = 0; a < size; ++a) {
            const double* row = gram.row(static_cast<std::size_t>(at[a]));
            double sum = g[at[a]];
            for (std::size_t b = 0; b < size; ++b) block[a * size + b] = row[at[b]], sum += row[at[b]] * w[at[b]];
            u[a] = sum, length += sum * sum, h += w[at[a]] * w[at[a]];
        }
        const Interrupted never = [] { return false; };  // a block is small
        z.assign(size, 0);
        if (std::sqrt(length) > c) {
            h = std::sqrt(h);
            for (int step = 0; step < 50; ++step) {
                factor = block;
                for (double& entry : factor) entry *= h;
                for (std::size_t a = 0; a < size; ++a) factor[a * size + a] += c;
                if (!cholesky(factor, size, never)) return;
                z = u;
                solve_cholesky(factor, z, size);
                double square = 0;
                for (double entry : z) square += entry * entry;
                double inverse = 1 / std::sqrt(square);
                if (std::abs(inverse - 1) <= 1e-14) break;
                y = z;
                solve_cholesky(factor, y, size);
                double bend = 0;  // y' G z
                for (std::size_t a = 0; a < size; ++a)
                    for (std::size_t b = 0; b < size; ++b) bend += y[a] * block[a * size + b] * z[b];
                double slope = bend * inverse * inverse * inverse, next = h - (inverse - 1) / slope;
                if (!(slope > 0) || !(next >= 0) || std::abs(next - h) <= 1e-15 * h) break;
                h = next;
            }
            double square = 0;
            for (double entry : z) square += entry * entry;
            for (double& entry : z) entry *= h / std::sqrt(square);
        }
        for (std::size_t a = 0; a < size; ++a) {
            if (z[a] != w[at[a]]) take(w[at[a]] - z[a], static_cast<std::size_t>(at[a]));
            w[at[a]] = z[a];
        }
        taken();
    }

    // g += share times a row of the Gram, four rows at a time: g is then read and written once for all.
    void take(double share, std::size_t j) {
        shares[held] = share, rows[held] = gram.row(j);
        if (++held == 4) kernels().axpy4(shares, rows, g.data(), gram.k), held = 0;
    }
    void taken() {
        for (std::size_t i = 0; i < held; ++i) kernels().axpy(shares[i], rows[i], g.data(), gram.k);
        held = 0;
    }
};
