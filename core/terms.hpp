// The separable penalties, one coefficient at a time: the compiled twin of src/shrinkage/penalties/terms.py, which
// states the formula and is tested to give the same numbers.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

struct Term {
    double l1, l2, low, high, slope, fall, flat;

    bool free() const { return l1 == 0 && l2 == 0 && slope == 0 && std::isinf(low) && std::isinf(high); }

    double clip(double z) const { return std::min(std::max(z, low), high); }

    // C(u), the concave part, u >= 0.
    double concave(double u) const {
        if (slope == 0) return 0;
        double early = std::min(u, fall);
        double late = std::max(std::min(u, flat), fall);
        return slope * (early + (late - fall) * (flat - (late + fall) / 2) / (flat - fall));
    }

    // l1, box and concave part; l2 is kept in the quadratic by the callers.
    double value(double w) const {
        double u = std::abs(w);
        return l1 * u + l2 * w * w / 2 + concave(u);
    }

    // How far `pull`, minus the gradient of the rest, lies outside of the subdifferential at w.
    double violation(double w, double pull) const {
        const double infinite = std::numeric_limits<double>::infinity();
        double steep = piece(std::abs(w)).slope, bend = l2 * w;
        double least = w <= low ? -infinite : (w > 0 ? steep : -steep) + bend;
        double most = w >= high ? infinite : (w < 0 ? -steep : steep) + bend;
        return std::max({least - pull, pull - most, 0.0});
    }

    // Where the penalty without l2 is a quadratic of u = |w|: its slope at u, its second derivative, and how far it reaches.
    struct Piece {
        double slope, bend, near, far;
    };
    Piece piece(double u) const {
        const double infinite = std::numeric_limits<double>::infinity();
        if (slope == 0) return {l1, 0, l1 == 0 ? -infinite : 0, infinite};
        if (u >= flat) return {l1, 0, flat, infinite};
        if (u <= fall) return {l1 + slope, 0, 0, fall};
        return {l1 + slope * (flat - u) / (flat - fall), -slope / (flat - fall), fall, flat};
    }

    // Just beyond the end of a piece, on the way from u: where the next piece begins.
    double beyond(double end, double u) const {
        if (end == 0 || slope == 0) return end;
        if (u < end) return end == fall ? std::nextafter(end, 2 * end) : end;  // a piece holds its upper end at `fall` alone
        return end == flat ? std::nextafter(end, 0.0) : end;
    }

    // argmin_z P(z) + (z - w)^2 / (2 step), without the l2 term.
    double prox_without_l2(double w, double step) const {
        double size = std::max(std::abs(w) - step * l1, 0.0);
        double sign = w < 0 ? -1.0 : 1.0;
        if (slope == 0) return clip(sign * size);
        double room = flat - fall;
        if (step * slope < room) {
            double near;
            if (size <= fall + step * slope) near = std::max(size - step * slope, 0.0);
            else if (size < flat) near = (size - step * slope * flat / room) / (1 - step * slope / room);
            else near = size;
            return clip(sign * near);
        }
        // Not convex: the best of the stationary points and, with bounds, of the bounds.
        double target = sign * size;
        double candidates[4] = {clip(sign * std::min(std::max(size - step * slope, 0.0), fall)),
                                clip(sign * std::max(size, flat)), low, high};
        double best = candidates[0], cost = std::numeric_limits<double>::infinity();
        for (double z : candidates) {
            if (std::isinf(z)) continue;
            double there = (z - target) * (z - target) / (2 * step) + concave(std::abs(z));
            if (there < cost) best = z, cost = there;
        }
        return best;
    }

    double prox(double w, double step) const {
        // Threshold first, then shrink: prox_without_l2 thresholds the shrunk argument, which is the same thing.
        double shrink = 1 + step * l2;
        return prox_without_l2(w / shrink, step / shrink);
    }
};

// A (7, count) table, row by row: l1, l2, low, high, slope, fall, flat.
struct Terms {
    const double* data;
    std::size_t count;

    Term operator[](std::size_t j) const {
        auto at = [&](std::size_t row) { return data[row * count + j]; };
        return {at(0), at(1), at(2), at(3), at(4), at(5), at(6)};
    }
};
