// A Cholesky factor of G (plus a diagonal) on a list of columns that grows and shrinks by one: columns enter and leave the
// active set of a path a few at a time, and each costs m^2 rather than m^3 operations.
// Golub and Van Loan, Matrix Computations, 4th ed., 6.5.
#pragma once
#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>
#include "kernels/kernels.hpp"

class Factor {
public:
    explicit Factor(std::size_t k) : place(k, -1) {}

    // For columns up to k.
    void widen(std::size_t k) { place.resize(std::max(k, place.size()), -1); }

    std::size_t size() const { return columns.size(); }
    std::size_t column(std::size_t at) const { return columns[at]; }
    bool holds(std::size_t j) const { return place[j] >= 0; }

    // A pivot below this share of its diagonal is rounding: the column depends on those before it.
    static constexpr double SMALLEST_PIVOT = 1e-10;

    // Adds up to FEW columns in turn, given their rows of G and their diagonals (any ridge included), each where it does not
    // depend on those before it; the others go to `dependent`. Together they read the factor once.
    static constexpr std::size_t FEW = 8;
    void add(const std::size_t* js, const double* const* rows, const double* diagonals, std::size_t count,
             std::vector<std::size_t>& dependent) {
        std::size_t m = size();
        reserve(m + count);
        double *lines[FEW], dots[FEW];
        for (std::size_t r = 0; r < count; ++r) {
            lines[r] = line(m + r);
            for (std::size_t a = 0; a < m; ++a) lines[r][a] = rows[r][columns[a]];
        }
        std::fill(lines + count, lines + FEW, lines[0]);
        for (std::size_t a = 0; a < m; ++a) {
            if (count > 2) kernels().dot8(line(a), lines, a, dots);
            else for (std::size_t r = 0; r < count; ++r) dots[r] = kernels().dot(line(a), lines[r], a);
            for (std::size_t r = 0; r < count; ++r) lines[r][a] = (lines[r][a] - dots[r]) / line(a)[a];
        }
        for (std::size_t r = 0; r < count; ++r) {
            double* last = lines[r];
            for (std::size_t a = m; a < size(); ++a)
                last[a] = (rows[r][columns[a]] - kernels().dot(last, line(a), a)) / line(a)[a];
            double pivot = diagonals[r] - kernels().dot(last, last, size());
            if (!(pivot > SMALLEST_PIVOT * diagonals[r])) {
                dependent.push_back(js[r]);
                continue;
            }
            last[size()] = std::sqrt(pivot);
            if (last != line(size())) std::copy(last, last + size() + 1, line(size()));
            place[js[r]] = static_cast<std::ptrdiff_t>(size());
            columns.push_back(js[r]);
        }
    }

    // Givens rotations close the gap that column j leaves.
    void remove(std::size_t j) {
        std::size_t at = static_cast<std::size_t>(place[j]), m = size();
        for (std::size_t i = at + 1; i < m; ++i) {
            std::copy(line(i), line(i) + i + 1, line(i - 1));
            place[columns[i]] = static_cast<std::ptrdiff_t>(i - 1);
        }
        columns.erase(columns.begin() + static_cast<std::ptrdiff_t>(at));
        place[j] = -1;
        turns.clear();  // row by row, so that memory is read in order; a few at a time, since each entry waits for the one before
        for (std::size_t l = at; l + 1 < m; l += TOGETHER) turn(at, l, std::min(TOGETHER, m - 1 - l));
    }

    void clear() {
        for (std::size_t j : columns) place[j] = -1;
        columns.clear();
    }

    // x, in the order of `column`, becomes the solution of (L L') z = x.
    void solve(double* x) const {
        std::size_t m = size();
        for (std::size_t a = 0; a < m; ++a) x[a] = (x[a] - kernels().dot(line(a), x, a)) / line(a)[a];
        for (std::size_t a = m; a-- > 0;) {
            x[a] /= line(a)[a];
            kernels().axpy(-x[a], line(a), x, a);
        }
    }

private:
    std::vector<std::size_t> columns;
    std::vector<std::ptrdiff_t> place;  // of each column in the factor, or -1
    std::vector<double> values;
    std::vector<std::pair<double, double>> turns;
    std::size_t stride = 0;

    static constexpr std::size_t TOGETHER = 8;

    // Applies the turns from column `at` on to rows l to l + count, each of which adds its own.
    void turn(std::size_t at, std::size_t l, std::size_t count) {
        double* rows[TOGETHER];
        double left[TOGETHER];  // what the last turn made of the next entry
        for (std::size_t r = 0; r < TOGETHER; ++r) rows[r] = line(l + std::min(r, count - 1)), left[r] = rows[r][at];
        auto apply = [&](std::size_t i, std::size_t r) {
            auto [c, s] = turns[i - at];
            double right = rows[r][i + 1];
            rows[r][i] = c * left[r] + s * right;
            left[r] = c * right - s * left[r];
        };
        if (count == TOGETHER) for (std::size_t i = at; i < l; ++i) for (std::size_t r = 0; r < TOGETHER; ++r) apply(i, r);
        else for (std::size_t i = at; i < l; ++i) for (std::size_t r = 0; r < count; ++r) apply(i, r);
        for (std::size_t r = 0; r < count; ++r) {
            std::size_t end = l + r;
            for (std::size_t i = l; i < end; ++i) apply(i, r);
            double above = rows[r][end + 1], size = std::hypot(left[r], above);  // the entry right of the diagonal goes into it
            turns.emplace_back(left[r] / size, above / size);
            rows[r][end] = size;
        }
    }

    double* line(std::size_t a) { return values.data() + a * stride; }
    const double* line(std::size_t a) const { return values.data() + a * stride; }

    void reserve(std::size_t m) {
        if (m <= stride) return;
        std::size_t wider = std::max<std::size_t>(2 * stride, 32);
        std::vector<double> moved(wider * wider);
        for (std::size_t a = 0; a < size(); ++a) std::copy(line(a), line(a) + a + 1, moved.data() + a * wider);
        values.swap(moved);
        stride = wider;
    }
};
