// The part of a problem that is in use, as a problem of its own: every other coefficient is zero and stays so.
#pragma once
#include <vector>
#include "quadratic.hpp"

// Sweeps and Newton's method on it touch as many numbers as there are coefficients in use, where on the whole each move would
// bring all of Gw up to date: seven times as many on a path whose working set has grown to its end.
class Face {
public:
    // What is in use, and what no penalty holds at zero. Room is kept from one face to the next.
    Quadratic& of(const Quadratic& whole) {
        members.clear();
        for (std::size_t j = 0; j < whole.k(); ++j) {
            Term t = whole.terms[j];
            if (whole.w[j] != 0 || (t.l1 == 0 && t.slope == 0)) members.push_back(j);
        }
        const std::size_t m = members.size();
        G.resize(m * m), table.resize(7 * m), numbers.resize(3 * m);
        double *q = numbers.data(), *w = q + m, *Gw = w + m;
        for (std::size_t a = 0; a < m; ++a) {
            const std::size_t j = members[a];
            const double* row = whole.row(j);
            for (std::size_t b = 0; b < m; ++b) G[a * m + b] = row[members[b]];
            for (std::size_t i = 0; i < 7; ++i) table[i * m + a] = whole.terms.data[i * whole.terms.count + j];
            q[a] = whole.q[j], w[a] = whole.w[j], Gw[a] = whole.Gw[j];
        }
        problem = {{G.data(), m, m}, q, {table.data(), m}, nullptr, {nullptr, 0}, w, Gw};
        return problem;
    }

    void give_back(Quadratic& whole) const {
        for (std::size_t a = 0; a < members.size(); ++a)
            if (problem.w[a] != whole.w[members[a]]) whole.set(members[a], problem.w[a]);
    }

private:
    std::vector<std::size_t> members;
    std::vector<double> G, table, numbers;
    Quadratic problem{};
};
