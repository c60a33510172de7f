// A path in the space of a Gram matrix: minimise w'Gw/2 - q'w + P_c(w) for one strength c after another, P_c of l1, l2 and
// box terms. Newton on the active set, which from the point before is also the step along the
// path, and coordinate descent where the set is wrong (Osborne, Presnell and Turlach, 2000, IMA J. Numer. Anal. 20; Friedman, Hastie and Tibshirani, 2010).
// Each point ends with its duality gap, from the Gram's quantities alone.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>
#include "factor.hpp"
#include "gap.hpp"
#include "quadratic.hpp"

// What a path over one Gram, whose columns may grow in number, keeps from one call to the next.
struct Memory {
    Factor factor{0};
    double ridged = -1;  // the strength at which the factor's diagonal was formed
};

class Follower {
public:
    // `yy` is q at w = 0 made a square: the weighted sum of squares of the target. `unit` holds the terms at c = 1.
    Follower(Strip gram, const double* q, double yy, Terms unit, double* w, Memory& memory)
        : gram(gram), q(q), yy(yy), unit(unit), w(w), g(gram.k), tangent(gram.k, 0.0), memory(memory), factor(memory.factor) {
        factor.widen(gram.k);
        for (std::size_t j = 0; j < gram.k; ++j) w[j] = unit[j].clip(w[j]);
        refresh();
    }

    const std::vector<double>& gradient() const { return g; }  // q - G w
    const std::vector<double>& direction() const { return tangent; }  // -dw/dc
    int newtons = 0, sweeps = 0;

    // Moves w to the solution at strength c, to within a gap of `target`; returns the gap reached.
    double solve(double c, double target, const Interrupted& interrupted) {
        strength = c;
        double best = std::numeric_limits<double>::infinity();
        int idle = 0;
        for (int round = 0; round < MOST_ROUNDS; ++round) {
            bool settled = newton();
            double now = gap();
            if (now <= target) return now;
            idle = now < 0.5 * best ? 0 : idle + 1;
            best = std::min(best, now);
            if (idle > PATIENCE || interrupted()) break;
            sweep(!settled);
            if (!settled) sweep(true);
        }
        refresh();
        return gap();
    }

    // P - D over these columns.
    double gap() const {
        double squares = yy;
        for (std::size_t j = 0; j < gram.k; ++j) squares -= w[j] * (q[j] + g[j]);
        return duality_gap({unit, strength}, w, g.data(), gram.k, squares);
    }

    // Where the path leads as c falls: w(c - d) = w + d * tangent until the active set changes.
    void set_tangent() {
        std::fill(tangent.begin(), tangent.end(), 0.0);
        sync();
        std::size_t m = factor.size();
        rhs.resize(m);
        for (std::size_t a = 0; a < m; ++a) {
            std::size_t j = factor.column(a);
            Term t = unit[j];
            rhs[a] = t.l2 * w[j] + t.l1 * sign(w[j]);
        }
        factor.solve(rhs.data());
        for (std::size_t a = 0; a < m; ++a) tangent[factor.column(a)] = rhs[a];
    }

private:
    static constexpr int MOST_ROUNDS = 500, PATIENCE = 30, MOST_STEPS = 64;
    Strip gram;
    const double* q;
    double yy;
    Terms unit;
    double* w;
    struct Stop {
        std::size_t at;  // in the factor
        double edge;
    };
    std::vector<double> g, tangent, rhs, towards, old, slope, move, fall;
    std::vector<Stop> stops;
    std::vector<std::size_t> dependent;  // active columns that depend on those in the factor
    Memory& memory;
    Factor& factor;
    double strength = 0;

    Term term(std::size_t j) const { return Strengthened{unit, strength}[j]; }

    bool active(std::size_t j) const {
        Term t = unit[j];
        if (!(gram.row(j)[j] > 0)) return false;
        return w[j] > t.low && w[j] < t.high && (w[j] != 0 || t.l1 == 0);
    }

    void refresh() {
        std::copy(q, q + gram.k, g.begin());
        std::size_t held = 0;
        double share[4];
        const double* rows[4];
        for (std::size_t j = 0; j < gram.k; ++j) {
            if (w[j] == 0) continue;
            share[held] = -w[j], rows[held] = gram.row(j);
            if (++held == 4) kernels().axpy4(share, rows, g.data(), gram.k), held = 0;
        }
        for (std::size_t i = 0; i < held; ++i) kernels().axpy(share[i], rows[i], g.data(), gram.k);
    }

    // The factor of the columns now active; those that depend on others stay out, and are left to coordinate descent.
    void sync() {
        bool ridge = false;
        for (std::size_t a = factor.size(); a-- > 0;) {
            std::size_t j = factor.column(a);
            ridge = ridge || unit[j].l2 > 0;
            if (!active(j)) factor.remove(j);
        }
        if (ridge && memory.ridged != strength) factor.clear();
        memory.ridged = strength;
        dependent.clear();
        std::size_t js[Factor::FEW], count = 0;
        const double* rows[Factor::FEW];
        double diagonals[Factor::FEW];
        auto add = [&] { factor.add(js, rows, diagonals, count, dependent), count = 0; };
        for (std::size_t j = 0; j < gram.k; ++j) {
            if (factor.holds(j) || !active(j)) continue;
            js[count] = j, rows[count] = gram.row(j), diagonals[count] = gram.row(j)[j] + term(j).l2;
            if (++count == Factor::FEW) add();
        }
        if (count > 0) add();
    }

    // How far the conditions for a minimum are from holding at an active column.
    double slack(std::size_t j) const {
        Term t = term(j);
        return g[j] - t.l2 * w[j] - t.l1 * sign(w[j]);
    }

    // Along w_j, with the columns it depends on moved so that the fit stays: the objective is a line there, followed until
    // a coefficient reaches zero or a bound, and so one column fewer is active. False if there is nothing to gain.
    bool exchange(std::size_t j) {
        std::size_t m = factor.size();
        towards.resize(m);
        for (std::size_t a = 0; a < m; ++a) towards[a] = gram.row(j)[factor.column(a)];
        factor.solve(towards.data());
        double fall = slack(j), size = std::abs(fall);
        for (std::size_t a = 0; a < m; ++a) {
            double part = towards[a] * slack(factor.column(a));
            fall -= part, size += std::abs(part);
        }
        if (std::abs(fall) <= 1e-12 * size) fall = w[j] > 0 ? -1 : 1;  // level: then towards fewer columns
        double way = fall > 0 ? 1 : -1, far = std::numeric_limits<double>::infinity(), edge = 0;
        std::size_t first = gram.k;
        auto meet = [&](std::size_t i, double by) {
            Term t = unit[i];
            if (by == 0) return;
            double stop = t.l1 > 0 && w[i] * by < 0 ? 0 : by > 0 ? t.high : t.low;
            if (by > 0 ? stop > t.high : stop < t.low) stop = by > 0 ? t.high : t.low;
            double at = (stop - w[i]) / by;
            if (at < far) far = at, first = i, edge = stop;
        };
        meet(j, way);
        for (std::size_t a = 0; a < m; ++a) meet(factor.column(a), -way * towards[a]);
        if (first == gram.k || !(far >= 0)) return false;
        w[j] = j == first ? edge : unit[j].clip(w[j] + way * far);
        for (std::size_t a = 0; a < m; ++a) {
            std::size_t i = factor.column(a);
            w[i] = i == first ? edge : unit[i].clip(w[i] - way * far * towards[a]);
        }
        return true;
    }

    double objective(double c) const {
        double sum = 0;
        for (std::size_t j = 0; j < gram.k; ++j) {
            if (w[j] == 0) continue;
            Term t = unit[j];
            sum += c * (t.l1 * std::abs(w[j]) + t.l2 * w[j] * w[j] / 2) - w[j] * (q[j] + g[j]) / 2;
        }
        return sum;
    }

    // Along `towards`, which leads to the minimiser of the face and takes `rhs` from the slopes. Where coefficients pass an
    // edge of the face on that way: all others go it whole and those stop at their edges, so that many leave at once; or all
    // go as far as the first edge, if that is lower. True if none passed.
    bool advance() {
        std::size_t m = factor.size();
        double share = 1;
        Stop first{m, 0};
        stops.clear();
        for (std::size_t a = 0; a < m; ++a) {
            std::size_t j = factor.column(a);
            double to = w[j] + towards[a], edge = unit[j].clip(unit[j].l1 > 0 && w[j] * to < 0 ? 0 : to);
            if (edge == to) continue;
            stops.push_back({a, edge});
            double at = (edge - w[j]) / towards[a];
            if (at < share) share = at, first = stops.back();
        }
        double along = 0, gain = 0;  // how far the objective falls: by share (1 - share / 2) along, or by gain
        move = towards, fall = rhs;
        for (Stop stop : stops) {
            std::size_t i = factor.column(stop.at);
            double excess = w[i] + towards[stop.at] - stop.edge;
            for (std::size_t a = 0; a < m; ++a) fall[a] -= excess * gram.row(i)[factor.column(a)];
            fall[stop.at] -= excess * term(i).l2;
            move[stop.at] -= excess;
        }
        for (std::size_t a = 0; a < m; ++a) along += rhs[a] * towards[a], gain += move[a] * (rhs[a] - fall[a] / 2);
        bool whole = stops.empty();
        if (!whole && gain < share * (1 - share / 2) * along) {
            for (std::size_t a = 0; a < m; ++a) move[a] = share * towards[a], fall[a] = share * rhs[a];
            stops.assign(1, first);
        }
        for (std::size_t a = 0; a < m; ++a) {
            std::size_t j = factor.column(a);
            g[j] -= fall[a] - term(j).l2 * move[a];
            w[j] = unit[j].clip(w[j] + move[a]);
        }
        for (Stop stop : stops) w[factor.column(stop.at)] = stop.edge;
        return whole;
    }

    // Steps to the minimiser of the face, or to its edge and on from there; true if the last one was full. On the way only
    // the slopes of the active columns are needed, and H d = rhs gives them; all of g is formed once, at the end.
    bool newton() {
        double before = objective(strength);
        old.assign(w, w + gram.k);
        slope = g;
        bool full = false;
        for (int step = 0; step < MOST_STEPS && !full; ++step) {
            sync();
            for (std::size_t most = 2 * dependent.size() + 8; !dependent.empty() && most > 0 && exchange(dependent.front()); --most)
                sync();
            std::size_t m = factor.size();
            if (m == 0) {
                full = true;
                break;
            }
            rhs.resize(m);
            towards.resize(m);
            for (std::size_t a = 0; a < m; ++a) {
                std::size_t j = factor.column(a);
                Term t = term(j);
                rhs[a] = towards[a] = g[j] - t.l2 * w[j] - t.l1 * sign(w[j]);
            }
            factor.solve(towards.data());
            ++newtons;
            full = advance();
        }
        refresh();
        double after = objective(strength);
        if (!(after <= before + 1e-14 * (std::abs(before) + std::abs(after)))) {
            std::copy(old.begin(), old.end(), w);
            g = slope;
            factor.clear();  // whatever its updates have lost
            return false;
        }
        return full && factor.size() == wanted();
    }

    // How many columns are active, those out of the factor included.
    std::size_t wanted() const {
        std::size_t count = 0;
        for (std::size_t j = 0; j < gram.k; ++j) count += active(j);
        return count;
    }

    // Coordinate descent over the columns that violate their optimality conditions, and (`all`) those in use, which on a
    // face whose minimiser was found have no way to go.
    void sweep(bool all) {
        ++sweeps;
        for (std::size_t j = 0; j < gram.k; ++j) {
            Term t = term(j);
            if (w[j] == 0 && std::abs(g[j]) <= t.l1 && t.low <= 0 && t.high >= 0) continue;
            if (!all && factor.holds(j) && active(j)) continue;
            const double* row = gram.row(j);
            double curvature = row[j];
            if (!(curvature > 0)) {  // a column of zeros: the penalty alone decides, and a free coefficient stays
                w[j] = t.free() ? w[j] : t.clip(0.0);
                continue;
            }
            double value = t.prox(w[j] + g[j] / curvature, 1 / curvature), by = value - w[j];
            if (by == 0) continue;
            w[j] = value;
            kernels().axpy(-by, row, g.data(), gram.k);
        }
    }
};
