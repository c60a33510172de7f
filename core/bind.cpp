// What Python sees. No arithmetic here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/tuple.h>
#include <chrono>
#include <optional>
#include <tuple>
#include "descend.hpp"

namespace nb = nanobind;
using namespace nb::literals;
using Values = nb::ndarray<const double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Table = nb::ndarray<const double, nb::ndim<2>, nb::c_contig, nb::device::cpu>;
using Labels = nb::ndarray<const std::int64_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using InOut = nb::ndarray<double, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

namespace {

// Looks for a pending signal every 50 ms, with the GIL, and remembers that there was one.
class SignalWatch {
public:
    bool operator()() {
        auto now = std::chrono::steady_clock::now();
        if (raised || now - last < std::chrono::milliseconds(50)) return raised;
        last = now;
        nb::gil_scoped_acquire held;
        raised = PyErr_CheckSignals() != 0;
        return raised;
    }

private:
    std::chrono::steady_clock::time_point last = std::chrono::steady_clock::now();
    bool raised = false;
};

void require(bool holds, const char* message) {
    if (!holds) throw nb::value_error(message);
}

nb::ndarray<nb::numpy, double, nb::ndim<1>> prox(Table terms, Values w, Values step) {
    std::size_t p = w.shape(0);
    require(terms.shape(0) == 7 && terms.shape(1) == p && step.shape(0) == p, "prox: terms must be (7, p), w and step (p,)");
    double* out = new double[p];
    nb::capsule owner(out, [](void* data) noexcept { delete[] static_cast<double*>(data); });
    Terms table{terms.data(), p};
    for (std::size_t j = 0; j < p; ++j) out[j] = table[j].prox(w.data()[j], step.data()[j]);
    return {out, {p}, owner};
}

std::tuple<int, double, bool> descend_(Table G, Values q, Table terms, std::optional<Labels> groups,
                                       std::optional<Table> group_terms, InOut w, InOut Gw, double tolerance,
                                       int max_sweeps, bool newton) {
    std::size_t k = q.shape(0);
    require(G.shape(0) == k && G.shape(1) == k && terms.shape(0) == 7 && terms.shape(1) == k && w.shape(0) == k &&
                Gw.shape(0) == k,
            "descend: G must be (k, k), terms (7, k), q, w and Gw (k,)");
    require(groups.has_value() == group_terms.has_value(), "descend: groups and group_terms come together");
    Quadratic Q{G.data(), q.data(), k, {terms.data(), k}, nullptr, {nullptr, 0}, w.data(), Gw.data()};
    if (groups) {
        require(groups->shape(0) == k && group_terms->shape(0) == 7, "descend: groups must be (k,), group_terms (7, m)");
        Q.groups = groups->data();
        Q.group_terms = {group_terms->data(), group_terms->shape(1)};
        for (std::size_t j = 0; j < k; ++j)
            require(Q.groups[j] < static_cast<std::int64_t>(Q.group_terms.count), "descend: a group has no terms");
    }
    Descent result;
    {
        nb::gil_scoped_release unlocked;
        SignalWatch watch;
        result = Descender(Q, newton).run(tolerance, max_sweeps, std::ref(watch));
    }
    if (result.interrupted) throw nb::python_error();
    return {result.sweeps, result.largest_move, result.converged};
}

}  // namespace

NB_MODULE(_core, m) {
    m.doc() = "The compiled core: arrays in, arrays out.";
    m.def("prox", &prox, "terms"_a, "w"_a, "step"_a, "The prox of Terms, one coefficient at a time.");
    m.def("descend", &descend_, "G"_a, "q"_a, "terms"_a, "groups"_a.none(), "group_terms"_a.none(), "w"_a.noconvert(),
          "Gw"_a.noconvert(), "tolerance"_a, "max_sweeps"_a, "newton"_a,
          "Minimise w'Gw/2 - q'w + P(w) from w, in place; (sweeps, largest move, converged).");
}
