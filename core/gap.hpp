// How far a point is from the minimum of a squared loss with l1, l2 and box terms: P - D at the loss's gradient, scaled into
// the domain of the penalty's conjugate. The twin of Problem._gap: every summand is >= 0, so none cancels.
#pragma once
#include <algorithm>
#include <cmath>
#include "terms.hpp"

// Terms stated for strength one, at another.
struct Strengthened {
    Terms unit;
    double strength;
    Term operator[](std::size_t j) const {
        Term t = unit[j];
        t.l1 *= strength;
        t.l2 *= strength;
        return t;
    }
};

inline double sign(double x) { return x > 0 ? 1 : x < 0 ? -1 : 0; }

// P(w) + P*(v) - v w of one coefficient.
inline double fenchel_young(const Term& t, double w, double v) {
    double size = std::abs(v) - t.l1, best = 0;  // where v z - P(z) is largest
    if (t.l2 > 0) best = size > 0 ? sign(v) * size / t.l2 : 0;
    else if (size > 1e-13 * t.l1) best = v > 0 ? t.high : t.low;
    if (std::isinf(best)) best = 0;  // an open side: v was scaled to its edge, so this is rounding
    best = t.clip(best);
    auto cost = [&](double z) { return t.l1 * std::abs(z) + t.l2 * z * z / 2 - v * z; };
    if (best == 0) return std::max(cost(w), 0.0);
    if (t.l2 > 0 && w != 0 && sign(w) == sign(best) && best == sign(v) * size / t.l2) return t.l2 * (w - best) * (w - best) / 2;
    return std::max(cost(w) - cost(best), 0.0);
}

// At w, where minus the loss's gradient is g and the sum of squares of the residual `squares`.
inline double duality_gap(const Strengthened& terms, const double* w, const double* g, std::size_t k, double squares) {
    double share = 1;
    for (std::size_t j = 0; j < k; ++j) {
        Term t = terms[j];
        if (t.free() || t.l2 > 0) continue;
        double size = std::abs(g[j]);
        bool open = g[j] > 0 ? std::isinf(t.high) : std::isinf(t.low);
        if (open && size > t.l1) share = std::min(share, t.l1 / size);
    }
    double sum = (1 - share) * (1 - share) * std::max(squares, 0.0) / 2;
    for (std::size_t j = 0; j < k; ++j) {
        Term t = terms[j];
        sum += t.free() ? std::abs(g[j] * w[j]) * share : fenchel_young(t, w[j], share * g[j]);
    }
    return sum;
}
