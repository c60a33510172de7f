// The core without Python, for the sanitizers: every kind of term and group, on a problem with a zero and a doubled column;
// then each allocation failing in turn, and all of it in several threads at once.
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <random>
#include <thread>
#include <vector>
#include "../descend.hpp"
#include "../follow.hpp"
#include "../follow_groups.hpp"
#include "../follow_sparse.hpp"

namespace {
thread_local long allocations = 0, fails_at = -1;  // how many there were; the one that fails
}

[[gnu::noinline]] void* operator new(std::size_t size) {
    if (allocations++ == fails_at) throw std::bad_alloc();
    if (void* found = std::malloc(size > 0 ? size : 1)) return found;
    throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* at) noexcept { std::free(at); }
[[gnu::noinline]] void operator delete(void* at, std::size_t) noexcept { std::free(at); }

namespace {

const double inf = std::numeric_limits<double>::infinity();
std::atomic<int> failures = 0;

void check(bool holds, const char* what) {
    if (holds) return;
    std::printf("FAILED: %s\n", what);
    ++failures;
}

struct Problem {
    std::size_t k = 8;
    std::vector<double> G, q, w, Gw;

    Problem() : G(64), q(8), w(8), Gw(8) {
        std::mt19937 rng(0);
        std::normal_distribution<double> normal;
        std::vector<double> X(40 * 8);
        for (double& x : X) x = normal(rng);
        for (std::size_t i = 0; i < 40; ++i) X[i * 8 + 6] = 0, X[i * 8 + 7] = X[i * 8];
        for (std::size_t a = 0; a < 8; ++a)
            for (std::size_t b = 0; b < 8; ++b)
                for (std::size_t i = 0; i < 40; ++i) G[a * 8 + b] += X[i * 8 + a] * X[i * 8 + b];
        for (std::size_t a = 0; a < 8; ++a) q[a] = a == 6 ? 0 : 20 * normal(rng);
        q[7] = q[0];
    }
};

std::vector<double> table(Term t, std::size_t k) {
    std::vector<double> out;
    for (double x : {t.l1, t.l2, t.low, t.high, t.slope, t.fall, t.flat}) out.insert(out.end(), k, x);
    return out;
}

// No coordinate can be improved by its own prox.
double worst_move(const Quadratic& Q) {
    double worst = 0;
    for (std::size_t j = 0; j < Q.k(); ++j) {
        double c = Q.row(j)[j];
        if (c <= 0) continue;
        worst = std::max(worst, std::abs(Q.terms[j].prox(Q.w[j] + (Q.q[j] - Q.Gw[j]) / c, 1 / c) - Q.w[j]));
    }
    return worst;
}

void separable(Term t, const char* name) {
    Problem p;
    auto terms = table(t, p.k);
    Quadratic Q{{p.G.data(), p.k, p.k}, p.q.data(), {terms.data(), p.k}, nullptr, {nullptr, 0}, p.w.data(), p.Gw.data()};
    Descent d = Descender(Q, true).run(1e-10, 100000, [] { return false; });
    check(d.converged, name);
    check(worst_move(Q) < 1e-8, name);
}

void grouped(Term outer, const char* name) {
    Problem p;
    auto terms = table({0.1, 0.1, -inf, inf, 0, inf, inf}, p.k), over = table(outer, 4);
    std::vector<std::int64_t> groups = {0, 0, 1, 1, 2, 2, 3, -1};
    Quadratic Q{{p.G.data(), p.k, p.k}, p.q.data(), {terms.data(), p.k}, groups.data(), {over.data(), 4}, p.w.data(), p.Gw.data()};
    Descent d = Descender(Q, true).run(1e-9, 100000, [] { return false; });
    check(d.converged, name);
    std::vector<double> scratch;
    double moved = 0;
    for (const Group& g : collect_groups(Q)) moved = std::max(moved, step_group(Q, g, scratch));
    check(moved < 1e-6, name);
}

// A path over strengths: every point certified, the factor updated as columns come and go.
void followed(Term term, const char* name) {
    Problem p;
    auto terms = table(term, p.k);
    double yy = 2000;
    for (double x : p.q) yy += x * x;
    Memory memory;
    Follower follower({p.G.data(), p.k, p.k}, p.q.data(), yy, {terms.data(), p.k}, p.w.data(), memory);
    for (double c = 50; c > 0.01; c *= 0.8) check(follower.solve(c, 1e-9 * yy, [] { return false; }) <= 1e-9 * yy, name);
    follower.set_tangent();
}

// Adds some columns; those that depend on others.
std::vector<std::size_t> enter(Factor& factor, const Problem& p, const std::vector<std::size_t>& js) {
    std::vector<const double*> rows;
    std::vector<double> diagonals;
    std::vector<std::size_t> dependent;
    for (std::size_t j : js) rows.push_back(&p.G[j * p.k]), diagonals.push_back(p.G[j * p.k + j]);
    factor.add(js.data(), rows.data(), diagonals.data(), js.size(), dependent);
    return dependent;
}

// Columns enter, one to four at a time, and leave a factor in random order; its solutions stay those of the matrix.
void factored() {
    Problem p;
    Factor factor(p.k);
    std::mt19937 rng(1);
    for (int step = 0; step < 400; ++step) {
        std::vector<std::size_t> some;
        for (std::size_t j = 0; j < 6; ++j)
            if (!factor.holds(j) && some.size() < Factor::FEW && rng() % 2) some.push_back(j);
        std::size_t j = rng() % 6;
        if (step % 3 && factor.holds(j)) factor.remove(j);
        else if (!some.empty()) check(enter(factor, p, some).empty(), "independent columns enter a factor");
        std::size_t m = factor.size();
        std::vector<double> x(m);
        for (std::size_t a = 0; a < m; ++a) x[a] = p.q[factor.column(a)];
        factor.solve(x.data());
        for (std::size_t a = 0; a < m; ++a) {
            double sum = 0;
            for (std::size_t b = 0; b < m; ++b) sum += p.G[factor.column(a) * p.k + factor.column(b)] * x[b];
            check(std::abs(sum - p.q[factor.column(a)]) < 1e-9, "a factor solves its system");
        }
    }
    Factor twice(p.k);
    check(enter(twice, p, {0, 7, 1, 2}) == std::vector<std::size_t>{7}, "a doubled column is refused, and those after it enter");
    check(twice.size() == 3 && !twice.holds(7) && twice.holds(2), "what is refused leaves no gap");
}

template <class T>
void kernel_shapes() {
    for (std::size_t n : {1, 3, 8, 300})
        for (std::size_t p : {1, 5, 17})
            for (bool by_rows : {true, false}) {
                std::vector<T> X(n * p, T(2));
                std::vector<double> R(n * 7, 1), shift(p, 1), out(p * 7), a(p), b(p), c(p), d(p);
                View<T> view{X.data(), n, p, by_rows ? p : 1, by_rows ? 1 : n};
                if constexpr (sizeof(T) == 4) {
                    kernels().skinny32(view, shift.data(), R.data(), 7, out.data());
                    kernels().moments32(view, R.data(), {a.data(), b.data(), c.data(), d.data()});
                } else {
                    kernels().skinny64(view, shift.data(), R.data(), 7, out.data());
                    kernels().moments64(view, nullptr, {a.data(), b.data(), c.data(), d.data()});
                }
                for (double x : out) check(x == static_cast<double>(n), "skinny");
                for (std::size_t j = 0; j < p; ++j) check(a[j] == 2 && b[j] == 0 && c[j] == 2 && d[j] == 2, "moments");
            }
}

// A group lasso path against its optimality conditions: the pull of a group in use has the norm c omega, and its direction.
// By sweeps alone, and by a step of Newton's method after each round of them.
void followed_groups(int most) {
    Problem p;
    std::vector<std::int64_t> starts, members(p.k);
    std::vector<double> omega, w(p.k, 0.0);
    for (std::size_t j = 0; j < p.k; ++j) members[j] = static_cast<std::int64_t>((3 * j) % p.k);  // scattered: 3 and k are coprime
    for (std::size_t j = 0; j < p.k; j += 3) starts.push_back(static_cast<std::int64_t>(j)), omega.push_back(1 + 0.1 * static_cast<double>(j));
    starts.push_back(static_cast<std::int64_t>(p.k));
    Blocks groups{starts.data(), members.data(), omega.data(), omega.size()};
    GroupFollower follower(GramSlopes({p.G.data(), p.k, p.k}, p.q.data(), 1e3), groups, w.data(), most);
    for (double c : {3.0, 1.0, 0.3, 0.1}) {
        follower.solve(c, 1e-10, [] { return false; });
        for (std::size_t i = 0; i < omega.size(); ++i) {
            double size = 0, pull = 0, along = 0;
            for (auto m = starts[i]; m < starts[i + 1]; ++m) {
                double x = w[members[m]], g = p.q[members[m]];
                for (std::size_t l = 0; l < p.k; ++l) g -= p.G[static_cast<std::size_t>(members[m]) * p.k + l] * w[l];
                size += x * x, pull += g * g, along += x * g;
            }
            size = std::sqrt(size), pull = std::sqrt(pull);
            check(pull <= c * omega[i] * (1 + 1e-6), "a group's pull is held");
            check(size == 0 || std::abs(along - c * omega[i] * size) < 1e-5 * c * omega[i] * size + 1e-9, "a group in use is at its edge");
        }
    }
}

// A path over sparse columns against one over their Gram: the same coefficients, tangent and gaps.
void followed_sparse() {
    constexpr std::size_t n = 40, k = 25;
    std::vector<double> values, weighted, y(n), weights(n), mean(k, 0.0), square(k), unit(7 * k, 0.0), G(k * k), q(k), dense(n * k, 0.0);
    std::vector<std::int32_t> rows;
    std::vector<std::int64_t> starts{0};
    double total = 0, level = 0, yy = 0;
    for (std::size_t i = 0; i < n; ++i) weights[i] = 1 + i % 3, y[i] = std::sin(3.0 * static_cast<double>(i * i)), total += weights[i], level += weights[i] * y[i];
    for (std::size_t i = 0; i < n; ++i) y[i] -= level / total, yy += weights[i] * y[i] * y[i];
    for (std::size_t j = 0; j < k; ++j) {
        for (std::size_t i = j % 7; i < n && j != 11; i += 3 + j % 5) {  // column 11 has no entries
            double x = 1 + std::cos(static_cast<double>(i + 5 * j));
            values.push_back(x), weighted.push_back(x * weights[i]), rows.push_back(static_cast<std::int32_t>(i));
            mean[j] += x * weights[i] / total, dense[j * n + i] = x;
        }
        starts.push_back(static_cast<std::int64_t>(values.size()));
    }
    for (std::size_t j = 0; j < k; ++j)
        for (std::size_t i = 0; i < n; ++i) {
            double x = dense[j * n + i] - mean[j];
            q[j] += weights[i] * x * y[i];
            for (std::size_t l = 0; l < k; ++l) G[j * k + l] += weights[i] * x * (dense[l * n + i] - mean[l]);
        }
    for (std::size_t j = 0; j < k; ++j) {
        square[j] = G[j * k + j];
        unit[j] = j == 3 ? 0.0 : 1.0, unit[k + j] = j % 2 ? 0.3 : 0.0, unit[2 * k + j] = j == 5 ? 0.0 : -1e300 * 1e300;
        unit[3 * k + j] = j == 7 ? 0.01 : 1e300 * 1e300, unit[5 * k + j] = unit[6 * k + j] = 1e300 * 1e300;
    }
    SparseColumns X{values.data(), weighted.data(), rows.data(), starts.data(), mean.data(), square.data(), n, k, total};
    std::vector<double> w(k, 0.0), v(k, 0.0);
    SparseFollower sparse(X, y.data(), weights.data(), {unit.data(), k}, w.data());
    Memory memory;
    Follower follower({G.data(), k, k}, q.data(), yy, {unit.data(), k}, v.data(), memory);
    auto never = [] { return false; };
    for (double c : {3.0, 1.0, 0.3, 0.1, 0.03}) {
        double gap = sparse.solve(c, 1e-13, never);
        check(gap <= 1e-13 && std::abs(follower.solve(c, 1e-13, never) - gap) < 2e-13, "a sparse path's gap");
        for (std::size_t j = 0; j < k; ++j) check(std::abs(w[j] - v[j]) < 1e-5, "a sparse path's coefficients");
    }
    follower.set_tangent();
    std::vector<double> way = sparse.direction(never);
    for (std::size_t j = 0; j < k; ++j) check(std::abs(way[j] - follower.direction()[j]) < 0.1 * (1 + std::abs(way[j])), "its tangent");
}

// Products of rows with rows, in arrays that hold no number more than they need.
void inners() {
    for (std::size_t m : {1, 7, 201})
        for (std::size_t n : {1, 9, 513}) {
            std::vector<double> A(m * n), B(4 * n), half(m * m), out(m * 4);
            for (std::size_t i = 0; i < A.size(); ++i) A[i] = std::sin(static_cast<double>(i));
            for (std::size_t i = 0; i < B.size(); ++i) B[i] = std::cos(static_cast<double>(i));
            const Rows a{A.data(), m, n};
            kernels().inner(a, a, n, true, half.data());
            kernels().inner(a, {B.data(), 4, n}, n, false, out.data());
            for (std::size_t i = 0; i < m; ++i) {
                double own = 0, other = 0;
                for (std::size_t k = 0; k < n; ++k) own += A[i * n + k] * A[k], other += A[i * n + k] * B[3 * n + k];
                check(std::abs(half[i * m] - own) < 1e-10 && half[i * m] == half[i], "products of rows with each other");
                check(std::abs(out[i * 4 + 3] - other) < 1e-10, "products of rows with others");
            }
        }
}

// Bounds on pulls, at sizes with rests: one model between, one at the end.
void chords() {
    for (std::size_t p : {1, 5, 256, 300}) {
        std::vector<double> read(p), ones(p, 1), end(p), inside{0.5, 0, 0.25, 0, 0.25, 0, 0, 0}, apart{0.5, 9}, allowed{2.0, 2.0}, largest(2), work(32);
        for (std::size_t j = 0; j < p; ++j) read[j] = std::sin(static_cast<double>(j)) * 2, end[j] = -read[j];
        std::unique_ptr<bool[]> over(new bool[p]);
        const double* x = read.data();
        kernels().chord({p, 2, {x, x, x, x}, inside.data(), apart.data(), ones.data(), ones.data(), ones.data(), end.data(), allowed.data()},
                        work.data(), largest.data(), over.get());
        double most = 0;
        for (std::size_t j = 0; j < p; ++j) {
            check(over[j] == (std::abs(read[j]) + 0.5 > 2), "a column beyond what is allowed");
            if (!over[j]) most = std::max(most, std::abs(read[j]));
        }
        check(std::abs(largest[0] - (most + 0.5)) < 1e-12 && largest[1] == most, "the most that the others are pulled");
    }
}

void likelihoods() {
    for (std::size_t n : {1, 3, 4, 9, 300}) {
        std::vector<double> y(n), w(n), eta(n), rho(n), h(n), predicted(n), metric(n, 0.5);
        for (std::size_t i = 0; i < n; ++i) y[i] = i % 2, w[i] = 1 + i % 3, eta[i] = std::sin(static_cast<double>(i)) * 5;
        for (Family family : {Family::bernoulli, Family::poisson}) {
            double total = kernels().likelihood(family, y.data(), w.data(), eta.data(), n, rho.data(), h.data()), sum = 0;
            for (std::size_t i = 0; i < n; ++i) {
                double e = std::exp(eta[i]), mean = family == Family::poisson ? e : e / (1 + e);
                sum += w[i] * ((family == Family::poisson ? e : std::log1p(e)) - y[i] * eta[i]);
                check(std::abs(rho[i] - w[i] * (y[i] - mean)) < 1e-12 * (1 + w[i] * mean), "a likelihood's gradient");
                check(std::abs(h[i] - w[i] * mean * (family == Family::poisson ? 1 : 1 - mean)) < 1e-12 * (1 + w[i] * mean), "its curvature");
            }
            check(std::abs(total - sum) < 1e-11 * (1 + std::abs(sum)), "a likelihood");
            bool admitted = false;
            double squares = kernels().judge(rho.data(), metric.data(), eta.data(), rho.data(), h.data(), n, predicted.data(), admitted);
            check(squares >= 0 && std::abs(predicted[0] - (rho[0] - 0.5 * eta[0])) < 1e-15, "a step's account");
        }
    }
}

void interrupted() {
    int calls = 0;
    Problem p;
    auto terms = table({0.001, 0, -inf, inf, 0, inf, inf}, p.k);
    Quadratic Q{{p.G.data(), p.k, p.k}, p.q.data(), {terms.data(), p.k}, nullptr, {nullptr, 0}, p.w.data(), p.Gw.data()};
    check(Descender(Q, false).run(0, 1000, [&] { return ++calls == 2; }).interrupted, "interrupted");
}

const std::vector<std::function<void()>> parts = {
    inners,
    [] { followed_groups(2000), followed_groups(1); },
    followed_sparse,
    chords,
    likelihoods,
    factored,
    kernel_shapes<float>,
    kernel_shapes<double>,
    interrupted,
    [] { followed({1, 0, -inf, inf, 0, inf, inf}, "a path of l1"); },
    [] { followed({1, 1, 0, inf, 0, inf, inf}, "a path of elastic net, non-negative"); },
    [] { followed({1, 0, -0.2, 0.3, 0, inf, inf}, "a path of l1 in a box"); },
    [] { separable({3, 0, -inf, inf, 0, inf, inf}, "l1"); },
    [] { separable({0, 2, -inf, inf, 0, inf, inf}, "l2"); },
    [] { separable({1, 1, 0, inf, 0, inf, inf}, "elastic net, non-negative"); },
    [] { separable({1, 0, -0.2, 0.3, 0, inf, inf}, "l1 in a box"); },
    [] { separable({0, 0, -inf, inf, 0, inf, inf}, "free"); },
    [] { separable({0, 0, -inf, inf, 3, 0, 0.5}, "MCP"); },
    [] { separable({0, 0, -inf, inf, 30, 0, 0.1}, "MCP, not convex"); },
    [] { separable({0.5, 0.1, -0.5, 0.4, 3, 1, 4}, "SCAD in a box"); },
    [] { grouped({3, 0, -inf, inf, 0, inf, inf}, "group lasso"); },
    [] { grouped({0, 0, -inf, inf, 3, 0, 9}, "group MCP"); },
};

// Each allocation fails in turn (of very many, some three hundred): bad_alloc comes out, and the sanitizer sees no leak.
void starved(const std::function<void()>& part) {
    allocations = 0;
    part();
    long count = allocations, step = std::max(1L, count / 300);
    for (long at = 0; at < count; at += step) {
        bool refused = false;
        allocations = 0, fails_at = at;
        try {
            part();
        } catch (const std::bad_alloc&) {
            refused = true;
        }
        fails_at = -1;
        check(refused, "memory that is not there is told of");
    }
}

}  // namespace

int main() {
    for (const auto& part : parts) part();
    for (const auto& part : parts) starved(part);
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([] {
            for (const auto& part : parts) part();
        });
    for (std::thread& thread : threads) thread.join();
    std::printf(failures ? "%d failed\n" : "core: all passed\n", failures.load());
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
