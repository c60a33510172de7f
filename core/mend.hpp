// A dual point that leaves the likelihood's domain, brought back.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstddef>

struct Mended {
    double squares;  // of its distance from minus the gradient `rho`, over the curvatures `h`
    bool admitted;   // whether it is nowhere farther than the curvature now
};

// Rows where `predicted` is farther from `rho` than the curvature take `rho`; with `level` the others make up for what that adds
// to the sum, by their curvatures. `shift`: what is added to each row.
inline Mended mend(const double* rho, const double* h, std::size_t n, bool level, double* predicted, double* shift) {
    double added = 0, held = 0;
    for (std::size_t i = 0; i < n; ++i) {
        double apart = predicted[i] - rho[i];
        shift[i] = std::abs(apart) <= h[i] ? 0.0 : -apart;
        added += shift[i];
        held += h[i];
    }
    const double back = level ? added / held : 0.0;
    Mended out{0.0, true};
    for (std::size_t i = 0; i < n; ++i) {
        double apart = predicted[i] - rho[i];
        double now = (shift[i] == 0 ? apart : 0.0) - back * h[i];
        out.admitted = out.admitted && std::abs(now) <= h[i];
        if (h[i] > 0) out.squares += now * now / h[i];
        shift[i] = now - apart;
        predicted[i] += shift[i];
    }
    return out;
}
