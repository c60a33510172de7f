// What Python sees. No arithmetic here.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <tuple>
#include "descend.hpp"
#include "follow.hpp"
#include "follow_groups.hpp"
#include "follow_sparse.hpp"
#include "mend.hpp"
#include "pack.hpp"

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

std::tuple<double, double> price(Table terms, Values w, Values pull) {
    std::size_t p = w.shape(0);
    require(terms.shape(0) == 7 && terms.shape(1) == p && pull.shape(0) == p, "price: terms must be (7, p), w and pull (p,)");
    Terms table{terms.data(), p};
    double value = 0, worst = 0;
    for (std::size_t j = 0; j < p; ++j) {
        Term term = table[j];
        value += term.value(w.data()[j]);
        worst = std::max(worst, term.violation(w.data()[j], pull.data()[j]));
    }
    return {value, worst};
}

using Square = nb::ndarray<const double, nb::ndim<2>, nb::device::cpu>;  // rows contiguous, any distance apart

Strip strip_of(const Square& G, std::size_t k) {
    require(G.shape(0) == k && G.shape(1) == k, "G must be (k, k)");
    require(k == 0 || G.stride(1) == 1, "the rows of G must be contiguous");
    return {G.data(), k > 0 ? static_cast<std::size_t>(G.stride(0)) : 0, k};
}

std::tuple<int, double, bool> descend_(Square G, Values q, Table terms, std::optional<Labels> groups,
                                       std::optional<Table> group_terms, InOut w, InOut Gw, double tolerance,
                                       int max_sweeps, bool newton) {
    std::size_t k = q.shape(0);
    require(terms.shape(0) == 7 && terms.shape(1) == k && w.shape(0) == k && Gw.shape(0) == k,
            "descend: G must be (k, k), terms (7, k), q, w and Gw (k,)");
    require(groups.has_value() == group_terms.has_value(), "descend: groups and group_terms come together");
    Quadratic Q{strip_of(G, k), q.data(), {terms.data(), k}, nullptr, {nullptr, 0}, w.data(), Gw.data()};
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

using Out1 = nb::ndarray<nb::numpy, double, nb::ndim<1>>;
using Out2 = nb::ndarray<nb::numpy, double, nb::ndim<2>>;

// A new array and where its numbers go.
template <class... Sizes>
auto fresh(Sizes... sizes) {
    std::size_t count = (std::size_t{1} * ... * sizes);
    double* data = new double[count > 0 ? count : 1]();
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    return std::pair(nb::ndarray<nb::numpy, double, nb::ndim<sizeof...(Sizes)>>(data, {sizes...}, owner), data);
}

using Flags = nb::ndarray<nb::numpy, bool, nb::ndim<1>>;
inline auto fresh_flags(std::size_t count) {
    bool* data = new bool[count > 0 ? count : 1];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<bool*>(p); });
    return std::pair(Flags(data, {count}, owner), data);
}

using Fortran = nb::ndarray<nb::numpy, double, nb::ndim<2>, nb::f_contig>;

// The same, (n, m) with contiguous columns, unset.
inline auto fresh_columns(std::size_t n, std::size_t m) {
    double* data = new double[n * m > 0 ? n * m : 1];
    nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<double*>(p); });
    std::int64_t strides[2] = {1, static_cast<std::int64_t>(n)};
    std::size_t shape[2] = {n, m};
    return std::pair(Fortran(data, 2, shape, owner, strides), data);
}

// What a path of k coefficients over m strengths gives: arrays for Python, filled strength by strength.
struct Trail {
    std::size_t m, k;
    Out2 coefs, slopes;
    Out1 gaps;
    double *W, *S, *gap;

    Trail(std::size_t m, std::size_t k, bool sloped = false) : m(m), k(k) {
        std::tie(coefs, W) = fresh(m, k);
        std::tie(slopes, S) = fresh(sloped ? m : 0, k);
        std::tie(gaps, gap) = fresh(m);
        std::fill(gap, gap + m, std::numeric_limits<double>::infinity());
    }

    // `w` are the follower's coefficients. `insistent`: goes on after a strength whose gap is above `target`.
    template <class Follower>
    void walk(Follower& follower, const std::vector<double>& w, Values strengths, double target, bool insistent, SignalWatch& watch) {
        for (std::size_t i = 0; i < m && !watch(); ++i) {
            gap[i] = follower.solve(strengths.data()[i], target, std::ref(watch));
            std::copy(w.begin(), w.end(), W + i * k);
            if constexpr (requires { follower.gradient(); })
                std::copy(follower.gradient().begin(), follower.gradient().end(), S + i * k);
            if (gap[i] > target && !insistent) break;
        }
    }
};

std::tuple<Out2, Out2, Out1, Out1, int, int> follow_(Square G, Values q, double yy, Table unit, Values strengths, Values start,
                                                     double target, bool want_tangent, Memory& memory) {
    std::size_t k = q.shape(0);
    require(unit.shape(0) == 7 && unit.shape(1) == k && start.shape(0) == k, "follow: unit must be (7, k), q and start (k,)");
    Strip strip = strip_of(G, k);
    Trail trail(strengths.shape(0), k, true);
    auto [tangent, direction] = fresh(k);
    int newtons = 0, sweeps = 0;
    SignalWatch watch;
    {
        nb::gil_scoped_release unlocked;
        std::vector<double> w(start.data(), start.data() + k);
        Follower follower(strip, q.data(), yy, {unit.data(), k}, w.data(), memory);
        trail.walk(follower, w, strengths, target, true, watch);
        if (want_tangent) follower.set_tangent();
        std::copy(follower.direction().begin(), follower.direction().end(), direction);
        newtons = follower.newtons, sweeps = follower.sweeps;
    }
    if (watch()) throw nb::python_error();
    return {trail.coefs, trail.slopes, trail.gaps, tangent, newtons, sweeps};
}

void require_groups(const Labels& starts, const Labels& members, std::size_t groups, std::size_t k) {
    require(members.shape(0) == k && starts.shape(0) == groups + 1, "groups: members must be (k,), starts one longer than omega");
    for (std::size_t i = 0; i < groups; ++i)
        require(starts.data()[i] >= 0 && starts.data()[i] <= starts.data()[i + 1], "groups: starts must not fall");
    require(starts.data()[groups] == static_cast<std::int64_t>(k), "groups: starts must end at k");
    for (std::size_t i = 0; i < k; ++i)
        require(members.data()[i] >= 0 && members.data()[i] < static_cast<std::int64_t>(k), "groups: a member is out of range");
}

std::tuple<Out2, Out1, int> follow_groups_(Square G, Values q, double yy, Labels starts, Labels members, Values omega,
                                           Values strengths, Values start, double target, int most, double worth) {
    std::size_t k = q.shape(0), groups = omega.shape(0);
    require(start.shape(0) == k, "follow_groups: q and start must be (k,)");
    require_groups(starts, members, groups, k);
    Strip strip = strip_of(G, k);
    Trail trail(strengths.shape(0), k);
    int sweeps = 0;
    SignalWatch watch;
    {
        nb::gil_scoped_release unlocked;
        std::vector<double> w(start.data(), start.data() + k);
        Blocks blocks{starts.data(), members.data(), omega.data(), groups};
        GroupFollower follower(GramSlopes(strip, q.data(), yy), blocks, w.data(), most, worth);
        trail.walk(follower, w, strengths, target, false, watch);
        sweeps = follower.sweeps;
    }
    if (watch()) throw nb::python_error();
    return {trail.coefs, trail.gaps, sweeps};
}

std::tuple<Out2, Out1, int> follow_columns_(Table X, Values y, Labels starts, Labels members, Values omega, Values strengths,
                                            Values start, double target, int most) {
    std::size_t k = X.shape(0), groups = omega.shape(0);
    require(y.shape(0) == X.shape(1) && start.shape(0) == k, "follow_columns: X must be (k, n), y (n,), start (k,)");
    require_groups(starts, members, groups, k);
    Trail trail(strengths.shape(0), k);
    int sweeps = 0;
    SignalWatch watch;
    {
        nb::gil_scoped_release unlocked;
        std::vector<double> w(start.data(), start.data() + k);
        Blocks blocks{starts.data(), members.data(), omega.data(), groups};
        GroupFollower follower(ColumnSlopes(X.data(), y.data(), y.shape(0), k), blocks, w.data(), most);
        trail.walk(follower, w, strengths, target, true, watch);
        sweeps = follower.sweeps;
    }
    if (watch()) throw nb::python_error();
    return {trail.coefs, trail.gaps, sweeps};
}

using Rows32 = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

std::tuple<Out2, Out1, Out1, int> follow_sparse_(Values values, Values weighted, Rows32 rows, Labels starts, Values mean, Values square,
                                                 double total, Values y, Values weights, Table unit, Values strengths, Values start,
                                                 double target) {
    std::size_t n = y.shape(0), k = start.shape(0), count = values.shape(0);
    require(weighted.shape(0) == count && rows.shape(0) == count && starts.shape(0) == k + 1 && starts.data()[0] == 0 &&
                starts.data()[k] == static_cast<std::int64_t>(count),
            "follow_sparse: values, weighted and rows must be alike, starts (k + 1,) and end there");
    require(mean.shape(0) == k && square.shape(0) == k && unit.shape(0) == 7 && unit.shape(1) == k && weights.shape(0) == n,
            "follow_sparse: mean, square and start must be (k,), unit (7, k), y and weights (n,)");
    for (std::size_t i = 0; i < count; ++i)
        require(rows.data()[i] >= 0 && static_cast<std::size_t>(rows.data()[i]) < n, "follow_sparse: a row is out of range");
    SparseColumns X{values.data(), weighted.data(), rows.data(), starts.data(), mean.data(), square.data(), n, k, total};
    Trail trail(strengths.shape(0), k);
    auto [tangent, direction] = fresh(k);
    int sweeps = 0;
    SignalWatch watch;
    {
        nb::gil_scoped_release unlocked;
        std::vector<double> w(start.data(), start.data() + k);
        SparseFollower follower(X, y.data(), weights.data(), {unit.data(), k}, w.data());
        trail.walk(follower, w, strengths, target, true, watch);
        std::vector<double> way = follower.direction(std::ref(watch));
        std::copy(way.begin(), way.end(), direction);
        sweeps = follower.sweeps;
    }
    if (watch()) throw nb::python_error();
    return {trail.coefs, trail.gaps, tangent, sweeps};
}

using Numbers = nb::ndarray<nb::ro, nb::device::cpu>;

// X as one of the two views the kernels read; `work` is called with it.
template <class F32, class F64>
void viewed(const Numbers& X, F32 work32, F64 work64) {
    require(X.ndim() == 2, "X must have two dimensions");
    require(X.stride(0) >= 0 && X.stride(1) >= 0 && (X.stride(0) == 1 || X.stride(1) == 1 || X.size() == 0),
            "X must have contiguous rows or columns");
    std::size_t n = X.shape(0), p = X.shape(1), row = static_cast<std::size_t>(X.stride(0)),
                column = static_cast<std::size_t>(X.stride(1));
    if (X.dtype() == nb::dtype<float>()) work32(View<float>{static_cast<const float*>(X.data()), n, p, row, column});
    else if (X.dtype() == nb::dtype<double>()) work64(View<double>{static_cast<const double*>(X.data()), n, p, row, column});
    else throw nb::type_error("X must be float32 or float64");
}

std::tuple<Out1, Out1, Out1, Out1> moments_(Numbers X, std::optional<Values> weights) {
    require(X.ndim() == 2 && (!weights || weights->shape(0) == X.shape(0)), "moments: X must be (n, p), weights (n,)");
    std::size_t p = X.shape(1);
    auto [mean, a] = fresh(p);
    auto [square, b] = fresh(p);
    auto [low, c] = fresh(p);
    auto [high, d] = fresh(p);
    ColumnMoments out{a, b, c, d};
    const double* w = weights ? weights->data() : nullptr;
    viewed(
        X, [&](View<float> x) { nb::gil_scoped_release unlocked; kernels().moments32(x, w, out); },
        [&](View<double> x) { nb::gil_scoped_release unlocked; kernels().moments64(x, w, out); });
    return {mean, square, low, high};
}

Rows rows_of(const Square& A) {
    const std::size_t m = A.shape(0), n = A.shape(1);
    require(m == 0 || n < 2 || A.stride(1) == 1, "inner: rows must be contiguous");
    require(m < 2 || A.stride(0) >= 0, "inner: rows must not run backwards");
    return {A.data(), m, m > 1 ? static_cast<std::size_t>(A.stride(0)) : n};
}

Out2 inner_(Square A, std::optional<Square> B) {
    require(!B || B->shape(1) == A.shape(1), "inner: the rows of A and B must be as long");
    const Rows a = rows_of(A), b = B ? rows_of(*B) : a;
    auto [out, to] = fresh(a.count, b.count);
    nb::gil_scoped_release unlocked;
    kernels().inner(a, b, A.shape(1), !B, to);
    return out;
}

Out2 skinny_(Numbers X, Values shift, nb::ndarray<const double, nb::ndim<2>, nb::f_contig, nb::device::cpu> R) {
    require(X.ndim() == 2 && R.shape(0) == X.shape(0) && shift.shape(0) == X.shape(1),
            "skinny: X must be (n, p), shift (p,), R (n, m)");
    auto [out, data] = fresh(X.shape(1), R.shape(1));
    double* to = data;
    viewed(
        X, [&](View<float> x) { nb::gil_scoped_release unlocked; kernels().skinny32(x, shift.data(), R.data(), R.shape(1), to); },
        [&](View<double> x) { nb::gil_scoped_release unlocked; kernels().skinny64(x, shift.data(), R.data(), R.shape(1), to); });
    return out;
}

void pack_(Numbers X, Labels places, Values shift, Values scale, nb::ndarray<double, nb::ndim<2>, nb::device::cpu> out) {
    std::size_t n = X.shape(0), p = X.shape(1);
    require(places.shape(0) == n && shift.shape(0) == p && scale.shape(0) == p && out.shape(0) == n && out.shape(1) == p,
            "pack: X and out must be (n, p), places (n,), shift and scale (p,)");
    require(out.stride(0) >= 0 && out.stride(1) >= 0, "pack: out must not be reversed");
    for (std::size_t i = 0; i < n; ++i)
        require(places.data()[i] >= 0 && static_cast<std::size_t>(places.data()[i]) < n, "pack: a place is out of range");
    Packed to{out.data(), static_cast<std::size_t>(out.stride(0)), static_cast<std::size_t>(out.stride(1))};
    auto work = [&](auto x) { nb::gil_scoped_release unlocked; pack(x, places.data(), shift.data(), scale.data(), to); };
    viewed(X, work, work);
}

using Columns = nb::ndarray<const double, nb::ndim<2>, nb::f_contig, nb::device::cpu>;

std::tuple<Fortran, Fortran, Out1> likelihood_(const std::string& family, Values y, Values weights, Columns eta) {
    std::size_t n = eta.shape(0), m = eta.shape(1);
    require(y.shape(0) == n && weights.shape(0) == n, "likelihood: y and weights must be (n,), eta (n, m)");
    require(family == "bernoulli" || family == "poisson", "likelihood: the family must be bernoulli or poisson");
    Family which = family == "poisson" ? Family::poisson : Family::bernoulli;
    auto [rho, a] = fresh_columns(n, m);
    auto [curvatures, b] = fresh_columns(n, m);
    auto [totals, c] = fresh(m);
    {
        nb::gil_scoped_release unlocked;
        for (std::size_t i = 0; i < m; ++i)
            c[i] = kernels().likelihood(which, y.data(), weights.data(), eta.data() + i * n, n, a + i * n, b + i * n);
    }
    return {rho, curvatures, totals};
}

std::tuple<Fortran, Out1, Flags> judge_(Columns before, Values metric, Columns moved, Columns rho,
                                                                            Columns curvatures) {
    std::size_t n = before.shape(0), m = moved.shape(1), apart = before.shape(1) == 1 ? 0 : n;
    for (const Columns* one : {&moved, &rho, &curvatures})
        require(one->shape(0) == n && one->shape(1) == m && metric.shape(0) == n, "judge: shapes must agree");
    require(before.shape(1) == m || before.shape(1) == 1, "judge: before must be (n, m), or (n, 1) for every model");
    auto [predicted, a] = fresh_columns(n, m);
    auto [squares, b] = fresh(m);
    auto [admitted, flags] = fresh_flags(m);
    {
        nb::gil_scoped_release unlocked;
        for (std::size_t i = 0; i < m; ++i)
            b[i] = kernels().judge(before.data() + i * apart, metric.data(), moved.data() + i * n, rho.data() + i * n,
                                   curvatures.data() + i * n, n, a + i * n, flags[i]);
    }
    return {predicted, squares, admitted};
}

std::tuple<Fortran, Out1, Flags> mend_(
    nb::ndarray<double, nb::ndim<2>, nb::f_contig, nb::device::cpu> predicted, Columns rho, Columns curvatures, Labels some, bool level) {
    std::size_t n = rho.shape(0), m = rho.shape(1), k = some.shape(0);
    require(predicted.shape(0) == n && predicted.shape(1) == m && curvatures.shape(0) == n && curvatures.shape(1) == m,
            "mend: predicted, rho and curvatures must have one shape");
    for (std::size_t i = 0; i < k; ++i)
        require(some.data()[i] >= 0 && static_cast<std::size_t>(some.data()[i]) < m, "mend: a model is out of range");
    auto [shifts, a] = fresh_columns(n, k);
    auto [squares, b] = fresh(k);
    auto [admitted, flags] = fresh_flags(k);
    {
        nb::gil_scoped_release unlocked;
        for (std::size_t i = 0; i < k; ++i) {
            std::size_t at = static_cast<std::size_t>(some.data()[i]) * n;
            Mended one = mend(rho.data() + at, curvatures.data() + at, n, level, predicted.data() + at, a + i * n);
            b[i] = one.squares;
            flags[i] = one.admitted;
        }
    }
    return {shifts, squares, admitted};
}

std::tuple<Out1, Flags> chord_(std::array<Values, 4> read, Table inside, Values apart, Values up,
                                                                   Values down, Values reach, Values end, Values allowed) {
    std::size_t p = end.shape(0), b = inside.shape(1);
    require(inside.shape(0) == 4 && apart.shape(0) == b && allowed.shape(0) == b, "chord: inside must be (4, b), apart and allowed (b,)");
    for (const Values* one : {&read[0], &read[1], &read[2], &read[3], &up, &down, &reach})
        require(one->shape(0) == p, "chord: each of read, up, down, reach and end must be (p,)");
    auto [largest, most] = fresh(b);
    auto [over, flags] = fresh_flags(p);
    {
        nb::gil_scoped_release unlocked;
        std::vector<double> work(16 * b);
        std::array<const double*, 4> reads{read[0].data(), read[1].data(), read[2].data(), read[3].data()};
        kernels().chord({p, b, reads, inside.data(), apart.data(), up.data(), down.data(), reach.data(), end.data(), allowed.data()},
                        work.data(), most, flags);
    }
    return {largest, over};
}

using Weights = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Moments = std::optional<nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>>;
using Numbers12 = std::array<double, 12>;

Rule rule_of(const std::string& name) {
    const char* names[] = {"constant", "root", "ratio", "centred", "moves"};
    for (int i = 0; i < 5; ++i)
        if (name == names[i]) return static_cast<Rule>(i);
    throw nb::value_error("shrink: the rule must be constant, root, ratio, centred or moves");
}

// work(w, step) in the type of w; `numbers` are those of a Shrink, in their order.
template <class T, class F>
bool shrunk(const Weights& w, const std::string& rule, const Moments& moment, const Moments& beside, const Numbers12& numbers, F work) {
    if (w.dtype() != nb::dtype<T>()) return false;
    for (const Moments* one : {&moment, &beside})
        require(!*one || ((*one)->dtype() == w.dtype() && (*one)->size() == w.size()), "shrink: the moments must be as w is");
    const Rule kind = rule_of(rule);
    require(kind == Rule::constant || moment, "shrink: this rule needs moments");
    require((kind != Rule::centred && kind != Rule::moves) || beside, "shrink: this rule needs what stands beside the moments");
    std::array<T, 12> x;
    std::copy(numbers.begin(), numbers.end(), x.begin());
    auto data = [](const Moments& one) { return one ? static_cast<const T*>(one->data()) : nullptr; };
    const T* moments = kind == Rule::constant ? nullptr : data(moment);
    nb::gil_scoped_release unlocked;
    return work(static_cast<T*>(w.data()), Shrink<T>{kind, moments, data(beside), x[0], x[1], x[2], x[3], x[4], x[5], x[6], x[7],
                                                     x[8], x[9], x[10], x[11]});
}

bool shrink_(Weights w, const std::string& rule, Moments moment, Moments beside, Numbers12 numbers) {
    require(w.dtype() == nb::dtype<float>() || w.dtype() == nb::dtype<double>(), "shrink: w must be float32 or float64");
    auto in32 = [&](float* at, const Shrink<float>& s) { return kernels().shrink32(at, w.size(), s); };
    auto in64 = [&](double* at, const Shrink<double>& s) { return kernels().shrink64(at, w.size(), s); };
    return shrunk<float>(w, rule, moment, beside, numbers, in32) || shrunk<double>(w, rule, moment, beside, numbers, in64);
}

bool shrink_groups_(Weights w, const std::string& rule, Moments moment, Moments beside, Numbers12 numbers, bool seen) {
    require(w.dtype() == nb::dtype<float>() || w.dtype() == nb::dtype<double>(), "shrink_groups: w must be float32 or float64");
    require(w.ndim() == 2, "shrink_groups: w must be (groups, size)");
    std::size_t m = w.shape(0), k = w.shape(1);
    auto in32 = [&](float* at, const Shrink<float>& s) { return kernels().shrink_groups32(at, m, k, s, seen); };
    auto in64 = [&](double* at, const Shrink<double>& s) { return kernels().shrink_groups64(at, m, k, s, seen); };
    return shrunk<float>(w, rule, moment, beside, numbers, in32) || shrunk<double>(w, rule, moment, beside, numbers, in64);
}

}  // namespace

NB_MODULE(_core, m) {
    m.doc() = "The compiled core: arrays in, arrays out.";
    m.def("prox", &prox, "terms"_a, "w"_a, "step"_a, "The prox of Terms, one coefficient at a time.");
    m.def("price", &price, "terms"_a, "w"_a, "pull"_a,
          "(P(w), where w is within its bounds; the largest violation of the optimality conditions where minus the loss's gradient is "
          "`pull`).");
    m.def("descend", &descend_, "G"_a.noconvert(), "q"_a, "terms"_a, "groups"_a.none(), "group_terms"_a.none(), "w"_a.noconvert(),
          "Gw"_a.noconvert(), "tolerance"_a, "max_sweeps"_a, "newton"_a,
          "Minimise w'Gw/2 - q'w + P(w) from w, in place; (sweeps, largest move, converged).");
    nb::class_<Memory>(m, "Memory", "What `follow` keeps between calls on a Gram whose columns grow in number.").def(nb::init<>());
    m.def("follow", &follow_, "G"_a.noconvert(), "q"_a, "yy"_a, "unit"_a, "strengths"_a, "start"_a, "target"_a,
          "want_tangent"_a, "memory"_a,
          "Minimise w'Gw/2 - q'w + c P(w) for each c in turn, P of l1, l2 and box terms: (coefs (m, k), slopes q - Gw (m, k), "
          "duality gaps (m,), -dw/dc at the end (k,), Newton steps, sweeps).");
    m.def("follow_columns", &follow_columns_, "X"_a.noconvert(), "y"_a, "starts"_a, "members"_a, "omega"_a, "strengths"_a, "start"_a,
          "target"_a, "most"_a,
          "The same for ||y - X'w||^2 / 2, X (k, n) having a column of the design in each row, by these themselves.");
    m.def("follow_groups", &follow_groups_, "G"_a.noconvert(), "q"_a, "yy"_a, "starts"_a, "members"_a, "omega"_a, "strengths"_a,
          "start"_a, "target"_a, "most"_a, "worth"_a = 0.0,
          "Minimise w'Gw/2 - q'w + c sum omega_g ||w_g|| for each c in turn, until one is not reached: (coefs (m, k), gaps (m,), "
          "inf where it was not tried, sweeps). A gap grows by `worth` times the share of its dual point that the domain cuts off.");
    m.def("follow_sparse", &follow_sparse_, "values"_a, "weighted"_a, "rows"_a, "starts"_a, "mean"_a, "square"_a, "total"_a, "y"_a,
          "weights"_a, "unit"_a, "strengths"_a, "start"_a, "target"_a,
          "Minimise sum weights (y - (X - 1 mean') w)^2 / 2 + c P(w) for each c in turn, X in compressed columns: "
          "(coefs (m, k), gaps (m,), -dw/dc at the end (k,), sweeps).");
    m.def("moments", &moments_, "X"_a.noconvert(), "weights"_a.none(),
          "Per column: weighted mean, weighted sum of squares about it, least and largest over rows of positive weight.");
    m.def("pack", &pack_, "X"_a.noconvert(), "places"_a, "shift"_a, "scale"_a, "out"_a.noconvert(),
          "out[places] becomes (X - shift) * scale, (n, p).");
    m.def("inner", &inner_, "A"_a.noconvert(), "B"_a.noconvert() = nb::none(),
          "A B', (m, l), for A (m, n) and B (l, n) with contiguous rows; without B, A A' for half the work.");
    m.def("skinny", &skinny_, "X"_a.noconvert(), "shift"_a, "R"_a, "(X - shift)' R, (p, m), for few columns of R.");
    m.def("likelihood", &likelihood_, "family"_a, "y"_a, "weights"_a, "eta"_a,
          "Minus the weighted gradients (n, m), the weighted curvatures (n, m), and the summed losses (m,), at predictors (n, m).");
    m.def("judge", &judge_, "before"_a, "metric"_a, "moved"_a, "rho"_a, "curvatures"_a,
          "before - metric moved (n, m); the sum of its squared distance from rho over the curvatures (m,); whether it is "
          "nowhere farther than the curvature (m,). `before` is (n, m), or (n, 1) for one model that stands for all.");
    m.def("mend", &mend_, "predicted"_a.noconvert(), "rho"_a, "curvatures"_a, "some"_a, "level"_a,
          "Of some columns of `predicted` (n, m), in place: entries farther from rho than the curvature become rho, and with "
          "`level` the others make up for it in the sum. What was added (n, k), then the squared distances over the curvatures "
          "(k,), and whether none is farther than the curvature now (k,).");
    m.def("chord", &chord_, "read"_a, "inside"_a, "apart"_a, "up"_a, "down"_a, "reach"_a, "end"_a, "allowed"_a,
          "What columns' pulls count at models between two ends, at most: (the largest of those within `allowed` (b,), "
          "which may be beyond (p,)). See `Chord`.");
    m.def("shrink", &shrink_, "w"_a.noconvert(), "rule"_a, "moment"_a.noconvert().none(), "beside"_a.noconvert().none(), "numbers"_a,
          "w becomes its prox under the terms of `numbers` (rate, floor, least, still, l1, l2, low, high, slope, fall, flat, group), in "
          "the steps of the rule: see `Rule` and `Shrink`. Whether a moment is not above `least`.");
    m.def("shrink_groups", &shrink_groups_, "w"_a.noconvert(), "rule"_a, "moment"_a.noconvert().none(),
          "beside"_a.noconvert().none(), "numbers"_a, "seen"_a,
          "The same for l1, l2 and `group` times the norm of each row of w (groups, size): the rows whose moments are all above "
          "`least` if `seen`, else the others; whether there are others.");
    m.def("kernels", [] { return kernels().name; }, "The instruction set the kernels run on.");
}
