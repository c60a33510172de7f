// Included by kernels.inl: the proximal step on a network's weights, in place. src/shrinkage/torch/updates.py and
// src/shrinkage/torch/groups.py state the formulas.

// x within -bound and bound: by comparison and choice, which vectorise.
template <class T>
static inline T within(T x, T bound) {
    x = x < bound ? x : bound;
    return x > -bound ? x : -bound;
}

template <Rule RULE, class T>
static inline T step_at(const Shrink<T>& s, std::size_t i) {
    if constexpr (RULE == Rule::constant) return s.rate;
    else {
        const T m = s.moment[i];
        T step;
        if constexpr (RULE == Rule::root) step = 1 / (std::sqrt(m) + s.floor) * s.rate;
        else if constexpr (RULE == Rule::ratio) step = s.rate / m;
        else if constexpr (RULE == Rule::centred) step = s.rate / (std::sqrt(m - s.beside[i] * s.beside[i]) + s.floor);
        else step = s.rate * std::sqrt((s.beside[i] + s.floor) / (m + s.floor));
        return m <= s.least ? s.still : step;
    }
}

// The same from entry `first` on.
template <class T>
static Shrink<T> from(Shrink<T> s, std::size_t first) {
    if (s.moment) s.moment += first;
    if (s.beside) s.beside += first;
    return s;
}

// f(rule), the rule a constant.
template <class F>
static auto by_rule(Rule rule, F f) {
    switch (rule) {
        case Rule::root: return f(std::integral_constant<Rule, Rule::root>());
        case Rule::ratio: return f(std::integral_constant<Rule, Rule::ratio>());
        case Rule::centred: return f(std::integral_constant<Rule, Rule::centred>());
        case Rule::moves: return f(std::integral_constant<Rule, Rule::moves>());
        default: return f(std::integral_constant<Rule, Rule::constant>());
    }
}

// As wide as T, for loops over both.
template <class T>
using Flag = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;

template <class T>
static bool unseen(const Shrink<T>& s, std::size_t n) {
    const T* __restrict m = s.moment;
    const T least = s.least;
    Flag<T> found = 0;
    for (std::size_t i = 0; m && i < n; ++i) found |= m[i] <= least;
    return found != 0;
}

// C(u), u >= 0.
template <class T>
static inline T concave(const Shrink<T>& s, T u) {
    const T early = u < s.fall ? u : s.fall, cut = u < s.flat ? u : s.flat, late = cut > s.fall ? cut : s.fall;
    return s.slope * (early + (late - s.fall) * (s.flat - (late + s.fall) / 2) / (s.flat - s.fall));
}

// The prox of C at u >= 0, as in terms.py: where the scalar problem is not convex, the better of its two stationary points.
template <class T>
static inline T concave_prox(const Shrink<T>& s, T u, T step) {
    const T pull = step * s.slope, room = s.flat - s.fall, zero = 0;
    const T first = u - pull > 0 ? u - pull : zero, middle = (u - pull * s.flat / room) / (1 - pull / room);
    const T only = u <= s.fall + pull ? first : u < s.flat ? middle : u;
    const T near = first < s.fall ? first : s.fall, far = u > s.flat ? u : s.flat;
    const T at_near = (near - u) * (near - u) / (2 * step) + concave(s, near);
    const T at_far = (far - u) * (far - u) / (2 * step) + concave(s, far);
    return pull < room ? only : at_near <= at_far ? near : far;
}

enum class Kind { l1, convex, concave };

// Returns what `unseen` does: a loop of its own would wait for memory while this one's divisions wait for nothing.
template <class T, Rule RULE, Kind KIND>
static bool shrink_as(T* __restrict w, std::size_t n, const Shrink<T> s) {
    Flag<T> found = 0;
    for (std::size_t i = 0; i < n; ++i) {
        if constexpr (RULE != Rule::constant) found |= s.moment[i] <= s.least;
        T step = step_at<RULE>(s, i), z = w[i] - within(w[i], step * s.l1);
        if constexpr (KIND != Kind::l1) {
            const bool moved = step > 0;
            z /= 1 + step * s.l2;
            if constexpr (KIND == Kind::concave) {
                step /= 1 + step * s.l2;
                const T size = concave_prox(s, z < 0 ? -z : z, step);
                z = z < 0 ? -size : size;
            }
            z = z < s.low ? s.low : z;
            z = z > s.high ? s.high : z;
            z = moved ? z : w[i];
        }
        w[i] = z;
    }
    return found != 0;
}

constexpr std::size_t STRETCH = 2048;  // coefficients of a group or a tensor that stay in the first cache

template <class T>
static bool shrink(T* w, std::size_t n, const Shrink<T>& s) {
    const bool more = s.l2 != 0 || s.low > -INFINITE || s.high < INFINITE;
    return by_rule(s.rule, [&](auto rule) {
        bool found = false;
        for (std::size_t first = 0; first < n; first += STRETCH) {
            const std::size_t length = std::min(STRETCH, n - first);
            const Shrink<T> here = from(s, first);
            if (s.slope > 0) found |= shrink_as<T, rule(), Kind::concave>(w + first, length, here);
            else if (more) found |= shrink_as<T, rule(), Kind::convex>(w + first, length, here);
            else found |= shrink_as<T, rule(), Kind::l1>(w + first, length, here);
        }
        return found;
    });
}

// One group: with z what L1 and L2 leave of w, and t_j = group s_j / (1 + l2 s_j), the root theta = ||w|| of
// ||z / (theta + t)|| = 1, by Newton from below on the inverse of that norm, which is concave. z stands in the place of w.
template <class T, Rule RULE>
struct Group {
    static constexpr std::size_t LANE = 64 / sizeof(T);
    typedef Vector<T, LANE> Wide;

    T* const w;
    const std::size_t size;
    const Shrink<T> s;
    T t[STRETCH];      // of the stretch at hand
    bool all = false;  // which is the group

    Group(T* w, std::size_t size, const Shrink<T>& s) : w(w), size(size), s(s) {}

    void shrink() {
        double squares = 0, bent = 0, pull = 0;  // ||z||^2, sum z^2 t, ||z / t||^2
        stretches([&](T* z, std::size_t first, std::size_t n) {
            if (s.l1 != 0 || s.l2 != 0) soften(z, first, n);
            add<3>(z, n, {&squares, &bent, &pull}, [](Wide z, Wide t, Wide* sums) {
                const Wide q = z / t;
                sums[0] += z * z, sums[1] += z * z * t, sums[2] += q * q;
            });
        });
        if (squares == 0 || pull <= 1) return std::fill(w, w + size, T(0)), void();
        double theta = std::max(std::sqrt(squares) - bent / squares, 0.0);
        for (int round = 0; RULE != Rule::constant && round < 50; ++round) {
            const T at = T(theta);
            double norms = 0, slopes = 0;  // ||q||^2 and sum q^2 / (theta + t), q = z / (theta + t)
            stretches([&](T* z, std::size_t, std::size_t n) {
                add<2>(z, n, {&norms, &slopes}, [at](Wide z, Wide t, Wide* sums) {
                    const Wide over = spread<Wide>(1) / (spread<Wide>(at) + t), q = z * over;
                    sums[0] += q * q, sums[1] += q * q * over;
                });
            });
            const double move = (std::sqrt(norms) - 1) * norms / slopes;
            theta = std::max(theta + move, 0.0);
            if (!(std::abs(move) > std::sqrt(std::numeric_limits<T>::epsilon()) / 8 * theta)) break;
        }
        stretches([&](T* z, std::size_t, std::size_t n) {
            const T at = T(theta);
            for (std::size_t i = 0; i < n; ++i) z[i] *= at / (at + t[i]);
        });
    }

private:
    template <class F>
    void stretches(F f) {
        for (std::size_t first = 0; first < size; first += STRETCH) {
            const std::size_t n = std::min(STRETCH, size - first);
            if (!all) thresholds(first, n);
            f(w + first, first, n);
        }
        all = size <= STRETCH;
    }

    void thresholds(std::size_t first, std::size_t n) {
        const Shrink<T> s = from(this->s, first);
        T* __restrict out = t;
        for (std::size_t i = 0; i < n; ++i) out[i] = step_at<RULE>(s, i) * s.group;
        if (s.l2 != 0)
            for (std::size_t i = 0; i < n; ++i) out[i] /= 1 + step_at<RULE>(s, i) * s.l2;
    }

    void soften(T* __restrict z, std::size_t first, std::size_t n) {
        const Shrink<T> s = from(this->s, first);
        for (std::size_t i = 0; i < n; ++i) {
            const T step = step_at<RULE>(s, i);
            z[i] = (z[i] - within(z[i], step * s.l1)) / (1 + step * s.l2);
        }
    }

    // totals += the sums that f makes of z and t, side by side in as many lanes as a register has.
    template <std::size_t COUNT, class F>
    void add(const T* z, std::size_t n, std::array<double*, COUNT> totals, F f) {
        Wide sums[COUNT] = {};
        std::size_t i = 0;
        for (; i + LANE <= n; i += LANE) f(load<Wide>(z + i), load<Wide>(t + i), sums);
        if (i < n) {  // beyond the end zeros, which add nothing
            T last[LANE] = {}, bounds[LANE];
            std::fill(bounds, bounds + LANE, T(1));
            std::copy(z + i, z + n, last), std::copy(t + i, t + n, bounds);
            f(load<Wide>(last), load<Wide>(bounds), sums);
        }
        for (std::size_t k = 0; k < COUNT; ++k)
            for (std::size_t l = 0; l < LANE; ++l) *totals[k] += sums[k][l];
    }
};

template <class T>
static bool shrink_groups(T* w, std::size_t groups, std::size_t size, const Shrink<T>& s, bool seen) {
    return by_rule(s.rule, [&](auto rule) {
        bool others = false;
        for (std::size_t g = 0; g < groups; ++g) {
            const Shrink<T> here = from(s, g * size);
            const bool other = unseen(here, size);
            others = others || other;
            if (other != seen) Group<T, rule()>(w + g * size, size, here).shrink();
        }
        return others;
    });
}
