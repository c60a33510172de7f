// Some rows of a matrix, centred and scaled, beside each other: what the products of a fold are formed from.
#pragma once
#include <cstdint>
#include "kernels/kernels.hpp"

// out (count, p), entry (i, j) at data[i * row + j * column]; it is written in the order in which X lies.
struct Packed {
    double* data;
    std::size_t row, column;
};

template <class T>
void pack(const View<T>& X, const std::int64_t* rows, std::size_t count, const double* shift, const double* scale, Packed out) {
    if (X.row == 1) {
        for (std::size_t j = 0; j < X.p; ++j) {
            const T* x = X.data + j * X.column;
            double* to = out.data + j * out.column;
            for (std::size_t i = 0; i < count; ++i) to[i * out.row] = (static_cast<double>(x[rows[i]]) - shift[j]) * scale[j];
        }
        return;
    }
    for (std::size_t i = 0; i < count; ++i) {
        const T* x = X.data + static_cast<std::size_t>(rows[i]) * X.row;
        double* to = out.data + i * out.row;
        for (std::size_t j = 0; j < X.p; ++j) to[j * out.column] = (static_cast<double>(x[j * X.column]) - shift[j]) * scale[j];
    }
}
