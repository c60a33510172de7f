// minimise 1/2 w'Gw - q'w + P(w): what every solver in compiled code comes down to. Gw is kept as w moves.
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>
#include "kernels/kernels.hpp"
#include "terms.hpp"

// Asked now and then; true means stop (a Ctrl-C is pending).
using Interrupted = std::function<bool()>;

struct Strip {  // a Gram matrix, symmetric, row j at G + j * stride
    const double* G;
    std::size_t stride;
    std::size_t k;
    const double* row(std::size_t j) const { return G + j * stride; }
};

struct Quadratic {
    Strip G;
    const double* q;
    Terms terms;
    const std::int64_t* groups;  // k, or null; -1: in no group
    Terms group_terms;
    double* w;
    double* Gw;

    std::size_t k() const { return G.k; }
    const double* row(std::size_t j) const { return G.row(j); }

    void move(std::size_t j, double by) {
        w[j] += by;
        kernels().axpy(by, row(j), Gw, k());
    }

    // Exactly to `value`: a bound stays a bound, a zero a zero.
    void set(std::size_t j, double value) {
        double by = value - w[j];
        move(j, by);
        w[j] = value;
    }

    // From w alone, to end the drift of many small updates.
    void refresh() {
        std::fill(Gw, Gw + k(), 0.0);
        for (std::size_t j = 0; j < k(); ++j)
            if (w[j] != 0) kernels().axpy(w[j], row(j), Gw, k());
    }

    // The objective without group terms; the boxes are taken to hold.
    double objective() const {
        double sum = 0;
        for (std::size_t j = 0; j < k(); ++j) sum += w[j] * (Gw[j] / 2 - q[j]) + terms[j].value(w[j]);
        return sum;
    }
};

struct Descent {
    int sweeps = 0;
    double largest_move = 0;  // in the last full sweep, |move| sqrt(curvature)
    bool converged = false;
    bool interrupted = false;
};
