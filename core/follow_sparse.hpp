// A path over sparse columns themselves, for where their Gram would hold more numbers than they do: minimise
// sum omega (y - (X - 1 mean') w)^2 / 2 + P_c(w) for one strength c after another, P_c of l1, l2 and box terms. Coordinate
// descent on the residual finds the active set; where it crawls, conjugate gradients go to the minimiser of the face.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include "gap.hpp"
#include "quadratic.hpp"

// Compressed columns, with `weighted` the values times the weights of their rows; each is centred at `mean` and has then the
// weighted sum of squares `square`. `total` is the sum of the weights, so that mean * total sums a column.
struct SparseColumns {
    const double *values, *weighted;
    const std::int32_t* rows;
    const std::int64_t* starts;
    const double *mean, *square;
    std::size_t n, k;
    double total;

    double dot(std::size_t j, const double* v) const {
        double even = 0, odd = 0;
        std::int64_t i = starts[j], end = starts[j + 1];
        for (; i + 1 < end; i += 2) even += weighted[i] * v[rows[i]], odd += weighted[i + 1] * v[rows[i + 1]];
        return i < end ? even + odd + weighted[i] * v[rows[i]] : even + odd;
    }
    void add(std::size_t j, double by, double* v) const {
        for (std::int64_t i = starts[j]; i < starts[j + 1]; ++i) v[rows[i]] += by * values[i];
    }
};

class SparseFollower {
public:
    // y (n,), of weighted mean zero wherever some column has another mean than zero.
    SparseFollower(const SparseColumns& X, const double* y, const double* weights, Terms unit, double* w)
        : X(X), y(y), weights(weights), unit(unit), w(w), r(X.n), g(X.k) {
        for (std::size_t j = 0; j < X.k; ++j) w[j] = unit[j].clip(w[j]);
        refresh();
    }

    int sweeps = 0;

    // Moves w to the solution at strength c, to within a gap of `target`; returns the gap reached.
    double solve(double c, double target, const Interrupted& interrupted) {
        lead(c);
        for (int round = 0; round < MOST_ROUNDS && !interrupted(); ++round) {
            sweep(true);
            for (int inner = 0; inner < 4; ++inner) sweep(false);
            if (gap() <= target) break;
            if (round > 0) descend_face(8 + 2 * round, interrupted);  // few products while the face still changes
        }
        refresh();
        return gap();
    }

    // To strength c along the secant of the two strengths before: most of the way while the active set stays.
    void lead(double c) {
        std::vector<double> here(w, w + X.k);
        if (!last.empty() && former != strength) {
            double share = (c - strength) / (strength - former);
            for (std::size_t j = 0; j < X.k; ++j) {
                if (w[j] == 0 || last[j] == 0 || w[j] == last[j]) continue;
                double to = unit[j].clip(w[j] + share * (w[j] - last[j]));
                if (to * w[j] <= 0) to = 0;
                move(j, to - w[j]);
                w[j] = to;
            }
        }
        last.swap(here);
        former = strength, strength = c;
    }

    // P - D over these columns.
    double gap() {
        double squares = 0;
        for (std::size_t i = 0; i < X.n; ++i) squares += weights[i] * (r[i] + shift) * (r[i] + shift);
        for (std::size_t j = 0; j < X.k; ++j) g[j] = pull(j);
        return duality_gap({unit, strength}, w, g.data(), X.k, squares);
    }

    // -dw/dc while the active set stays, (k,); for a prediction, so to a few digits.
    std::vector<double> direction(const Interrupted& interrupted) {
        std::vector<std::size_t> face = active();
        std::vector<double> b(face.size()), out(X.k, 0.0);
        for (std::size_t a = 0; a < face.size(); ++a) {
            Term t = unit[face[a]];
            b[a] = t.l2 * w[face[a]] + t.l1 * sign(w[face[a]]);
        }
        std::vector<double> d = conjugate_gradients(face, b, 1e-2, 200, interrupted);
        for (std::size_t a = 0; a < face.size(); ++a) out[face[a]] = d[a];
        return out;
    }

private:
    static constexpr int MOST_ROUNDS = 200;
    SparseColumns X;
    const double *y, *weights;
    Terms unit;
    double* w;
    std::vector<double> r, g, last;  // the residual is r + shift; `last` are the coefficients at the strength before
    double shift = 0, strength = 0, former = 0;

    Term term(std::size_t j) const { return Strengthened{unit, strength}[j]; }

    double pull(std::size_t j) const { return X.dot(j, r.data()) + shift * X.total * X.mean[j]; }

    void move(std::size_t j, double by) {
        X.add(j, -by, r.data());
        shift += by * X.mean[j];
    }

    void refresh() {
        std::copy(y, y + X.n, r.begin());
        shift = 0;
        for (std::size_t j = 0; j < X.k; ++j)
            if (w[j] != 0) move(j, w[j]);
    }

    void sweep(bool all) {
        ++sweeps;
        for (std::size_t j = 0; j < X.k; ++j) {
            Term t = term(j);
            if (!all && w[j] == 0 && t.l1 > 0) continue;
            double curvature = X.square[j], value = t.free() ? w[j] : t.clip(0.0);  // of a column of zeros
            if (curvature > 0) value = t.prox(w[j] + pull(j) / curvature, 1 / curvature);
            if (value == w[j]) continue;
            move(j, value - w[j]);
            w[j] = value;
        }
    }

    std::vector<std::size_t> active() const {
        std::vector<std::size_t> face;
        for (std::size_t j = 0; j < X.k; ++j) {
            Term t = unit[j];
            if (X.square[j] > 0 && w[j] > t.low && w[j] < t.high && (w[j] != 0 || t.l1 == 0)) face.push_back(j);
        }
        return face;
    }

    // To the minimiser of the face; coefficients that would pass an edge on the way stop there, and if that does not help, all
    // stop at the first one.
    void descend_face(int products, const Interrupted& interrupted) {
        std::vector<std::size_t> face = active();
        std::vector<double> b(face.size());
        for (std::size_t a = 0; a < face.size(); ++a) {
            Term t = term(face[a]);
            b[a] = pull(face[a]) - t.l2 * w[face[a]] - t.l1 * sign(w[face[a]]);
        }
        std::vector<double> d = conjugate_gradients(face, b, 1e-2, products, interrupted);
        double share = 1;
        std::size_t first = face.size();
        std::vector<double> from(face.size()), to(face.size());
        for (std::size_t a = 0; a < face.size(); ++a) {
            Term t = term(face[a]);
            from[a] = w[face[a]];
            double whole = from[a] + d[a];
            to[a] = t.clip(t.l1 > 0 && from[a] * whole < 0 ? 0 : whole);
            if (to[a] != whole && (to[a] - from[a]) / d[a] < share) share = (to[a] - from[a]) / d[a], first = a;
        }
        double before = objective();
        set(face, to);
        if (first == face.size() || objective() <= before) return;
        for (std::size_t a = 0; a < face.size(); ++a)
            if (a != first) to[a] = unit[face[a]].clip(from[a] + share * d[a]);
        set(face, to);
    }

    void set(const std::vector<std::size_t>& face, const std::vector<double>& values) {
        for (std::size_t a = 0; a < face.size(); ++a) {
            move(face[a], values[a] - w[face[a]]);
            w[face[a]] = values[a];
        }
    }

    double objective() const {
        double sum = 0;
        for (std::size_t i = 0; i < X.n; ++i) sum += weights[i] * (r[i] + shift) * (r[i] + shift) / 2;
        for (std::size_t j = 0; j < X.k; ++j) sum += term(j).value(w[j]);
        return sum;
    }

    // d with H d = b on some columns, H the second derivative; Hestenes and Stiefel, 1952, scaled by its diagonal. Ends where
    // the residual has fallen to `share` of b's, after so many products, or where H is flat along the way.
    std::vector<double> conjugate_gradients(const std::vector<std::size_t>& face, std::vector<double> b, double share,
                                            int products, const Interrupted& interrupted) const {
        std::size_t m = face.size();
        std::vector<double> d(m, 0.0), way(m), bent(m), fit(X.n), scale(m);
        for (std::size_t a = 0; a < m; ++a) scale[a] = 1 / (X.square[face[a]] + term(face[a]).l2);
        double before = 0, start = 0;
        for (int step = 0; step < products && !interrupted(); ++step) {
            double now = 0;
            for (std::size_t a = 0; a < m; ++a) now += b[a] * b[a] * scale[a];
            if (step == 0) start = now;
            if (!(now > share * share * start)) break;
            for (std::size_t a = 0; a < m; ++a) way[a] = scale[a] * b[a] + (step > 0 ? now / before * way[a] : 0);
            bend(face, way, fit, bent);
            double curvature = 0;
            for (std::size_t a = 0; a < m; ++a) curvature += way[a] * bent[a];
            if (!(curvature > 0)) break;
            for (std::size_t a = 0; a < m; ++a) d[a] += now / curvature * way[a], b[a] -= now / curvature * bent[a];
            before = now;
        }
        return d;
    }

    // out = H way; `fit` (n,) is room for X way.
    void bend(const std::vector<std::size_t>& face, const std::vector<double>& way, std::vector<double>& fit,
              std::vector<double>& out) const {
        std::fill(fit.begin(), fit.end(), 0.0);
        double level = 0;
        for (std::size_t a = 0; a < face.size(); ++a) {
            X.add(face[a], way[a], fit.data());
            level -= way[a] * X.mean[face[a]];
        }
        for (std::size_t a = 0; a < face.size(); ++a) {
            std::size_t j = face[a];
            out[a] = X.dot(j, fit.data()) + level * X.total * X.mean[j] + term(j).l2 * way[a];
        }
    }
};
