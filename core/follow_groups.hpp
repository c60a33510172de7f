// A group lasso path in the space of a Gram matrix: minimise w'Gw/2 - q'w + c sum_g omega_g ||w_g|| for one strength c after
// another, by exact minimisation over one group at a time (Yuan and Lin, 2006, JRSS B 68, whose blocks are orthonormal; here
// any block, by the secular equation of Foygel and Drton, 2010, arXiv 1010.3320).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include "factor.hpp"
#include "follow.hpp"
#include "quadratic.hpp"

class GroupFollower {
public:
    // Group i has the members starts[i] .. starts[i + 1] of `members`.
    GroupFollower(Strip gram, const double* q, double yy, const std::int64_t* starts, const std::int64_t* members, std::size_t groups,
                  const double* omega, double* w)
        : gram(gram), q(q), yy(yy), starts(starts), members(members), groups(groups), omega(omega), w(w), g(gram.k) {
        refresh();
    }

    const std::vector<double>& gradient() const { return g; }  // q - G w
    int sweeps = 0;

    // Sweeps until the duality gap is at most `target`, or for `most`; returns the gap reached.
    double solve(double c, double target, int most, const Interrupted& interrupted) {
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
        double k = 1, rr = yy, sum = 0;
        for (std::size_t i = 0; i < groups; ++i) k = std::min(k, omega[i] * strength / std::max(norm(g.data(), i), TINY));
        for (std::size_t j = 0; j < gram.k; ++j) rr -= w[j] * (q[j] + g[j]);
        sum = (1 - k) * (1 - k) * std::max(rr, 0.0) / 2;
        for (std::size_t i = 0; i < groups; ++i) {
            double size = norm(w, i), along = 0;
            if (size == 0) continue;
            for (auto m = starts[i]; m < starts[i + 1]; ++m) along += w[members[m]] * g[members[m]];
            sum += std::max(omega[i] * strength * size - k * along, 0.0);
        }
        return sum;
    }

private:
    static constexpr double TINY = std::numeric_limits<double>::min();
    Strip gram;
    const double* q;
    double yy;
    const std::int64_t *starts, *members;
    std::size_t groups;
    const double* omega;
    double* w;
    std::vector<double> g, u, block, factor, z, y;
    double strength = 0;

    double norm(const double* x, std::size_t i) const {
        double sum = 0;
        for (auto m = starts[i]; m < starts[i + 1]; ++m) sum += x[members[m]] * x[members[m]];
        return std::sqrt(sum);
    }

    void refresh() {
        std::copy(q, q + gram.k, g.begin());
        for (std::size_t j = 0; j < gram.k; ++j)
            if (w[j] != 0) kernels().axpy(-w[j], gram.row(j), g.data(), gram.k);
    }

    void sweep(bool all) {
        ++sweeps;
        for (std::size_t i = 0; i < groups; ++i) {
            bool used = norm(w, i) > 0;
            if (!used && (!all || norm(g.data(), i) <= omega[i] * strength)) continue;
            update(i);
        }
    }

    // In place, lower triangle of the size x size matrix; false where it is not positive definite.
    static bool cholesky(std::vector<double>& A, std::size_t size) {
        for (std::size_t j = 0; j < size; ++j) {
            double pivot = A[j * size + j];
            for (std::size_t i = 0; i < j; ++i) pivot -= A[j * size + i] * A[j * size + i];
            if (!(pivot > 0)) return false;
            A[j * size + j] = pivot = std::sqrt(pivot);
            for (std::size_t l = j + 1; l < size; ++l) {
                double sum = A[l * size + j];
                for (std::size_t i = 0; i < j; ++i) sum -= A[l * size + i] * A[j * size + i];
                A[l * size + j] = sum / pivot;
            }
        }
        return true;
    }

    static void solve(const std::vector<double>& L, std::vector<double>& x, std::size_t size) {
        for (std::size_t j = 0; j < size; ++j) {
            for (std::size_t i = 0; i < j; ++i) x[j] -= L[j * size + i] * x[i];
            x[j] /= L[j * size + j];
        }
        for (std::size_t j = size; j-- > 0;) {
            for (std::size_t i = j + 1; i < size; ++i) x[j] -= L[i * size + j] * x[i];
            x[j] /= L[j * size + j];
        }
    }

    // w_g to its minimiser, all else held: 0, or h z with (h G_gg + c omega I) z = u and ||z|| = 1. 1 / ||z|| is concave in h,
    // so that Newton's method cannot miss the root.
    void update(std::size_t i) {
        std::size_t size = static_cast<std::size_t>(starts[i + 1] - starts[i]);
        const std::int64_t* at = members + starts[i];
        double c = omega[i] * strength, length = 0, h = 0;
        u.assign(size, 0), block.resize(size * size);
        for (std::size_t a = 0; a < size; ++a) {
            const double* row = gram.row(static_cast<std::size_t>(at[a]));
            double sum = g[at[a]];
            for (std::size_t b = 0; b < size; ++b) block[a * size + b] = row[at[b]], sum += row[at[b]] * w[at[b]];
            u[a] = sum, length += sum * sum, h += w[at[a]] * w[at[a]];
        }
        z.assign(size, 0);
        if (std::sqrt(length) > c) {
            h = std::sqrt(h);
            for (int step = 0; step < 50; ++step) {
                factor = block;
                for (double& entry : factor) entry *= h;
                for (std::size_t a = 0; a < size; ++a) factor[a * size + a] += c;
                if (!cholesky(factor, size)) return;
                z = u;
                solve(factor, z, size);
                double square = 0;
                for (double entry : z) square += entry * entry;
                double inverse = 1 / std::sqrt(square);
                if (std::abs(inverse - 1) <= 1e-14) break;
                y = z;
                solve(factor, y, size);
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
            double by = z[a] - w[at[a]];
            if (by == 0) continue;
            w[at[a]] = z[a];
            kernels().axpy(-by, gram.row(static_cast<std::size_t>(at[a])), g.data(), gram.k);
        }
    }
};
