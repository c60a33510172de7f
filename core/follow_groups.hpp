// A group lasso path: minimise ||y - X w||^2 / 2 + c sum_g omega_g ||w_g|| for one strength c after another, in the space of a Gram
// matrix or of the rows, by exact minimisation over one group at a time (Yuan and Lin, 2006, JRSS B 68, whose blocks are orthonormal; here
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

// X'(y - X w), by the Gram matrix: all slopes are kept as w moves.
class GramSlopes {
public:
    GramSlopes(Strip gram, const double* q, double yy) : gram(gram), q(q), yy(yy), g(gram.k) {}
    static constexpr int INNER = 2;  // sweeps over what is in use, after each over all
    static constexpr int STEPS = 30;  // of Newton's method for one strength, each after sweeps that were not enough
    static constexpr std::size_t FEW = 100;  // columns up to which such a step costs less than sweeps, and comes first

    std::size_t count() const { return gram.k; }
    double total() const { return yy; }
    double at(std::size_t j) const { return g[j]; }
    double cross(std::size_t i, std::size_t j) const { return gram.row(i)[j]; }
    const std::vector<double>& all() { return g; }
    double squares(const double* w) const {
        double sum = yy;
        for (std::size_t j = 0; j < gram.k; ++j) sum -= w[j] * (q[j] + g[j]);
        return sum;
    }
    double quadratic(const double* w) const {
        double sum = 0;
        for (std::size_t j = 0; j < gram.k; ++j) sum -= w[j] * (q[j] + g[j]) / 2;
        return sum;
    }
    void reset() { std::copy(q, q + gram.k, g.begin()); }
    // w_j has lost `by`; four rows at a time, since g is then read and written once for all. `settle` after the last.
    void lose(std::size_t j, double by) {
        shares[held] = by, rows[held] = gram.row(j);
        if (++held == 4) kernels().axpy4(shares, rows, g.data(), gram.k), held = 0;
    }
    void settle() {
        for (std::size_t i = 0; i < held; ++i) kernels().axpy(shares[i], rows[i], g.data(), gram.k);
        held = 0;
    }

private:
    Strip gram;
    const double* q;
    double yy, shares[4];
    const double* rows[4];
    std::size_t held = 0;
    std::vector<double> g;
};

// The same by the columns themselves, weighted and centred, `X` (k, n): where their Gram would hold more numbers than they do. The
// residual is kept, and slopes are formed as they are asked for.
class ColumnSlopes {
public:
    ColumnSlopes(const double* X, const double* y, std::size_t n, std::size_t k) : X(X), y(y), n(n), k(k), r(n), g(k) {}
    static constexpr int INNER = 5, STEPS = 0;  // its matrix would be larger than the columns are
    static constexpr std::size_t FEW = 0;

    std::size_t count() const { return k; }
    double total() const { return kernels().dot(y, y, n); }
    double at(std::size_t j) const { return kernels().dot(X + j * n, r.data(), n); }
    double cross(std::size_t i, std::size_t j) const { return kernels().dot(X + i * n, X + j * n, n); }
    const std::vector<double>& all() {
        for (std::size_t j = 0; j < k; ++j) g[j] = at(j);
        return g;
    }
    double squares(const double*) const { return kernels().dot(r.data(), r.data(), n); }
    double quadratic(const double* w) const { return squares(w) / 2; }
    void reset() { std::copy(y, y + n, r.begin()); }
    void lose(std::size_t j, double by) {
        shares[held] = by, rows[held] = X + j * n;
        if (++held == 4) kernels().axpy4(shares, rows, r.data(), n), held = 0;
    }
    void settle() {
        for (std::size_t i = 0; i < held; ++i) kernels().axpy(shares[i], rows[i], r.data(), n);
        held = 0;
    }

private:
    const double *X, *y;
    std::size_t n, k;
    double shares[4];
    const double* rows[4];
    std::size_t held = 0;
    std::vector<double> r, g;
};

template <class Slopes>
class GroupFollower {
public:
    // `most`: rounds of sweeps for one strength, between two steps of Newton's method. `worth`: what the share of a dual point that
    // its domain cuts off costs besides the gap.
    GroupFollower(Slopes slopes, Blocks groups, double* w, int most, double worth = 0)
        : slopes(std::move(slopes)), groups(groups), w(w), most(most), worth(worth) {
        for (std::size_t i = 0; i < groups.count; ++i) {
            corners.push_back(blocks.size());
            const std::int64_t* at = groups.of(i);
            for (std::size_t a = 0; a < groups.size(i); ++a)
                for (std::size_t b = 0; b < groups.size(i); ++b)
                    blocks.push_back(this->slopes.cross(static_cast<std::size_t>(at[a]), static_cast<std::size_t>(at[b])));
        }
    }

    int sweeps = 0;

    // Sweeps, and steps of Newton's method where they crawl, until the duality gap is at most `target`; returns the gap reached.
    double solve(double c, double target, const Interrupted& interrupted) {
        strength = c;
        refresh();
        double now = gap();
        const double fine = std::max(FINE * target, ROUNDING * slopes.total());
        if (slopes.count() <= Slopes::FEW && now > target)
            for (double last = std::numeric_limits<double>::infinity(); now > fine && now < QUICK * last && !interrupted();) {
                last = now;
                newton(interrupted);
                now = gap();
            }
        for (int steps = 0; now > target && steps <= Slopes::STEPS && !interrupted(); ++steps) {
            if (steps > 0) newton(interrupted);
            for (int round = 0; round < most && (now = gap()) > target && !interrupted(); ++round)
                for (int inner = 0; inner <= Slopes::INNER; ++inner) sweep(inner == 0);
            now = gap();
        }
        return now;
    }

    // P - D over these columns at the dual point scaled into its domain, each summand >= 0; and what the scaling costs besides.
    double gap() {
        const std::vector<double>& g = slopes.all();
        double share = 1;
        for (std::size_t i = 0; i < groups.count; ++i)
            share = std::min(share, groups.omega[i] * strength / std::max(norm(g.data(), i), TINY));
        double sum = (1 - share) * (1 - share) * std::max(slopes.squares(w), 0.0) / 2 + (1 - share) * worth;
        for (std::size_t i = 0; i < groups.count; ++i) {
            double size = norm(w, i), along = 0;
            if (size == 0) continue;
            for (std::size_t a = 0; a < groups.size(i); ++a) along += w[groups.of(i)[a]] * g[static_cast<std::size_t>(groups.of(i)[a])];
            sum += std::max(groups.omega[i] * strength * size - share * along, 0.0);
        }
        return sum;
    }

private:
    static constexpr double TINY = std::numeric_limits<double>::min();
    static constexpr double GUARD = 1e-10;  // by what share the diagonal is raised: columns of a group may depend on each other
    static constexpr int CUTS = 10;         // of a step that leads up
    static constexpr double QUICK = 0.1;    // of the gap: what is left of it while Newton's method alone is on its way
    static constexpr double ROUNDING = 1e-16;  // of the target's sum of squares
    static constexpr double FINE = 1e-6;    // of the target: at its end a step more costs next to nothing, and coefficients are exact
    Slopes slopes;
    Blocks groups;
    double* w;
    int most;
    double worth;
    std::vector<double> u, factor, z, y;
    std::vector<double> blocks;  // of the Gram, group after group
    std::vector<std::size_t> corners;  // where each begins
    double strength = 0;

    double norm(const double* x, std::size_t i) const {
        double sum = 0;
        for (std::size_t a = 0; a < groups.size(i); ++a) sum += x[groups.of(i)[a]] * x[groups.of(i)[a]];
        return std::sqrt(sum);
    }

    void refresh() {
        slopes.reset();
        for (std::size_t j = 0; j < slopes.count(); ++j)
            if (w[j] != 0) slopes.lose(j, -w[j]);
        slopes.settle();
    }

    // One step on the groups in use, as they stand, where it lowers the objective.
    void newton(const Interrupted& interrupted) {
        std::vector<std::size_t> active, corner;  // coefficients in use; where the group of each begins among them
        std::vector<double> step, pull;           // per coefficient: what lowers the loss, and w over the norm of its group
        std::vector<double> bend;                 // per coefficient: the penalty's curvature across its group
        for (std::size_t i = 0; i < groups.count; ++i) {
            double size = norm(w, i), c = groups.omega[i] * strength;
            if (size == 0) continue;
            std::size_t first = active.size();
            for (std::size_t a = 0; a < groups.size(i); ++a) {
                std::size_t j = static_cast<std::size_t>(groups.of(i)[a]);
                active.push_back(j), corner.push_back(first), bend.push_back(c / size), pull.push_back(w[j] / size);
                step.push_back(slopes.at(j) - c * w[j] / size);
            }
        }
        std::size_t m = active.size();
        factor.resize(m * m);
        for (std::size_t a = 0; a < m; ++a) {
            for (std::size_t b = 0; b <= a; ++b) factor[a * m + b] = slopes.cross(active[a], active[b]);
            for (std::size_t b = corner[a]; b <= a; ++b) factor[a * m + b] -= bend[a] * pull[a] * pull[b];
            factor[a * m + a] += bend[a];
            factor[a * m + a] *= 1 + GUARD;
        }
        if (m == 0 || !cholesky(factor, m, interrupted)) return;
        solve_cholesky(factor, step, m);
        std::vector<double> old(w, w + slopes.count());
        double best = objective(), size = 1;
        for (int cut = 0; cut < CUTS; ++cut, size /= 4) {
            for (std::size_t a = 0; a < m; ++a) w[active[a]] = old[active[a]] + size * step[a];
            refresh();
            if (objective() < best) return;
        }
        std::copy(old.begin(), old.end(), w);
        refresh();
    }

    // w'G w / 2 - q'w and the penalty.
    double objective() const {
        double sum = slopes.quadratic(w);
        for (std::size_t i = 0; i < groups.count; ++i) sum += groups.omega[i] * strength * norm(w, i);
        return sum;
    }

    void sweep(bool all) {
        ++sweeps;
        for (std::size_t i = 0; i < groups.count; ++i)
            if (all || norm(w, i) > 0) update(i);
    }

    // w_g to its minimiser, all else held: 0, or h z with (h G_gg + c omega I) z = u and ||z|| = 1. 1 / ||z|| is concave in h,
    // so that Newton's method cannot miss the root.
    void update(std::size_t i) {
        std::size_t size = groups.size(i);
        const std::int64_t* at = groups.of(i);
        const double* block = blocks.data() + corners[i];
        double c = groups.omega[i] * strength, length = 0, h = 0;
        u.resize(size);
        for (std::size_t a = 0; a < size; ++a) {
            double sum = slopes.at(static_cast<std::size_t>(at[a]));
            for (std::size_t b = 0; b < size; ++b) sum += block[a * size + b] * w[at[b]];
            u[a] = sum, length += sum * sum, h += w[at[a]] * w[at[a]];
        }
        if (h == 0 && std::sqrt(length) <= c) return;
        const Interrupted never = [] { return false; };  // a block is small
        z.assign(size, 0);
        if (std::sqrt(length) > c) {
            h = std::sqrt(h);
            for (int step = 0; step < 50; ++step) {
                factor.assign(block, block + size * size);
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
            if (z[a] != w[at[a]]) slopes.lose(static_cast<std::size_t>(at[a]), w[at[a]] - z[a]);
            w[at[a]] = z[a];
        }
        slopes.settle();
    }
};
