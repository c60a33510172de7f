// Cyclic coordinate descent: full sweeps, and between them sweeps over what is in use (Friedman, Hastie and Tibshirani,
// 2010, J. Stat. Softw. 33), with Newton steps, on the face it has found.
#pragma once
#include <numeric>
#include <vector>
#include "face.hpp"
#include "groups.hpp"
#include "newton.hpp"
#include "quadratic.hpp"

class Descender {
public:
    Descender(Quadratic& Q, bool use_newton) : Q(Q) {
        if (Q.groups) groups = collect_groups(Q);
        for (std::size_t j = 0; j < Q.k(); ++j) {
            if (!Q.groups || Q.groups[j] < 0) singles.push_back(j);
        }
        smooth_face = use_newton && groups.empty();
    }

    Descent run(double tolerance, int max_sweeps, const Interrupted& interrupted) {
        Descent result;
        while (result.sweeps < max_sweeps) {
            result.largest_move = sweep(true);
            ++result.sweeps;
            if (interrupted()) return result.interrupted = true, result;
            if (result.largest_move <= tolerance) {
                // What moved little may still be far along a flat direction: Newton tells, and a sweep confirms.
                if (!(smooth_face && !polished && newton(Q, interrupted))) {
                    result.converged = true;
                    break;
                }
                polished = true;
                continue;
            }
            Quadratic& used = groups.empty() ? face.of(Q) : Q;
            for (int inner = 0; inner < 10 && result.sweeps < max_sweeps; ++inner) {
                double moved = groups.empty() ? sweep_all(used) : sweep(false);
                ++result.sweeps;
                result.interrupted = interrupted();
                if (moved <= 0.1 * tolerance || result.interrupted) break;
            }
            if (smooth_face && !result.interrupted) newton(used, interrupted);
            if (groups.empty()) face.give_back(Q);
            if (result.interrupted) return result;
        }
        Q.refresh();
        return result;
    }

private:
    Quadratic& Q;
    std::vector<Group> groups;
    std::vector<std::size_t> singles;
    std::vector<double> scratch;
    Face face;
    bool smooth_face, polished = false;

    static double sweep_all(Quadratic& Q) {
        double largest = 0;
        for (std::size_t j = 0; j < Q.k(); ++j)
            if (Q.w[j] != 0) largest = std::max(largest, step_single(Q, j));
        return largest;
    }

    double sweep(bool full) {
        double largest = 0;
        for (std::size_t j : singles) {
            if (!full && Q.w[j] == 0) continue;
            largest = std::max(largest, step_single(Q, j));
        }
        for (const Group& group : groups) {
            if (!full && std::all_of(group.members.begin(), group.members.end(), [&](auto j) { return Q.w[j] == 0; })) continue;
            largest = std::max(largest, step_group(Q, group, scratch));
        }
        return largest;
    }

    static double step_single(Quadratic& Q, std::size_t j) {
        Term term = Q.terms[j];
        double curvature = Q.row(j)[j];
        if (!(curvature > 0)) {  // a column of zeros: the penalty alone decides, and a free coefficient stays
            double value = term.free() ? Q.w[j] : term.clip(0.0);
            if (value != Q.w[j]) Q.set(j, value);
            return 0;
        }
        double value = term.prox(Q.w[j] + (Q.q[j] - Q.Gw[j]) / curvature, 1 / curvature);
        double by = value - Q.w[j];
        if (by == 0) return 0;
        Q.set(j, value);
        return std::abs(by) * std::sqrt(curvature);
    }
};
