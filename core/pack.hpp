// Rows of a matrix, centred and scaled, in another order: what the products of a fold are formed from.
#pragma once
#include <cstdint>
#include "kernels/kernels.hpp"

// out (n, p), entry (i, j) at data[i * row + j * column]; it is written as X lies in memory.
struct Packed {
    double* data;
    std::size_t row, column;
};

// Columns side by side, so that a row's place is read once for them.
template <std::size_t COUNT, class T>
void pack_columns(const View<T>& X, std::size_t j, const std::int64_t* places, const double* shift, const double* scale, Packed out) {
    const T* x = X.data + j * X.column;
    double* to = out.data + j * out.column;
    for (std::size_t i = 0; i < X.n; ++i) {
        const std::size_t at = static_cast<std::size_t>(places[i]) * out.row;
        for (std::size_t k = 0; k < COUNT; ++k)
            to[k * out.column + at] = (static_cast<double>(x[k * X.column + i * X.row]) - shift[j + k]) * scale[j + k];
    }
}

// Row i of X becomes row places[i]. X is read as it lies and what is written has a few places at a time, as many as there are
// folds: to gather the rows instead would read each line of a column once for every fold.
template <class T>
void pack(const View<T>& X, const std::int64_t* places, const double* shift, const double* scale, Packed out) {
    if (X.row == 1) {
        std::size_t j = 0;
        for (; j + 4 <= X.p; j += 4) pack_columns<4>(X, j, places, shift, scale, out);
        for (; j < X.p; ++j) pack_columns<1>(X, j, places, shift, scale, out);
        return;
    }
    for (std::size_t i = 0; i < X.n; ++i) {
        const T* x = X.data + i * X.row;
        double* to = out.data + static_cast<std::size_t>(places[i]) * out.row;
        for (std::size_t j = 0; j < X.p; ++j) to[j * out.column] = (static_cast<double>(x[j * X.column]) - shift[j]) * scale[j];
    }
}
