// Included by kernels.inl: the proximal step on a network's weights, in place. src/shrinkage/torch/updates.py and
// src/shrinkage/torch/groups.py state the formulas.

// x within -bound and bound: by comparison and choice, which vectorise.
template <class T>
static inline T within(T x, T bound) {
    x = x < bound ? x : bound;
    return x > -bound ? x : -bound;
}

template <class T>
static inline T step_at(const Shrink<T>& s, const T* moment, std::size_t i) {
    const T step = 1 / (std::sqrt(moment[i]) + s.floor) * s.rate;
    return moment[i] == 0 ? s.still : step;
}

template <class T>
static bool any_zero(const T* __restrict x, std::size_t n) {
    std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t> found = 0;
    for (std::size_t i = 0; i < n; ++i) found |= x[i] == 0;
    return found != 0;
}

template <class T, bool METRIC, bool MORE>
static void shrink_as(T* __restrict w, const T* __restrict moment, std::size_t n, const Shrink<T> s) {
    for (std::size_t i = 0; i < n; ++i) {
        const T step = METRIC ? step_at(s, moment, i) : s.rate;
        T z = w[i] - within(w[i], step * s.l1);
        if constexpr (MORE) {
            z /= 1 + step * s.l2;
            z = z < s.low ? s.low : z;
            z = z > s.high ? s.high : z;
            z = step > 0 ? z : w[i];
        }
        w[i] = z;
    }
}

constexpr std::size_t STRETCH = 2048;  // coefficients of a group or a tensor that stay in the first cache

template <class T>
static bool shrink(T* w, std::size_t n, const Shrink<T>& s) {
    const bool more = s.l2 != 0 || s.low > -INFINITE || s.high < INFINITE;
    if (!s.moment) {
        more ? shrink_as<T, false, true>(w, nullptr, n, s) : shrink_as<T, false, false>(w, nullptr, n, s);
        return false;
    }
    bool unseen = false;
    for (std::size_t first = 0; first < n; first += STRETCH) {
        const std::size_t length = std::min(STRETCH, n - first);
        unseen = any_zero(s.moment + first, length) || unseen;
        more ? shrink_as<T, true, true>(w + first, s.moment + first, length, s)
             : shrink_as<T, true, false>(w + first, s.moment + first, length, s);
    }
    return unseen;
}

// One group: with z what L1 and L2 leave of w, and t_j = group s_j / (1 + l2 s_j), the root theta = ||w|| of
// ||z / (theta + t)|| = 1, by Newton from below on the inverse of that norm, which is concave. z stands in the place of w.
template <class T>
struct Group {
    static constexpr std::size_t LANE = 64 / sizeof(T);
    typedef T Wide __attribute__((vector_size(64)));

    T* const w;
    const T* const moment;
    const std::size_t size;
    const Shrink<T> s;
    T t[STRETCH];      // of the stretch at hand
    bool all = false;  // which is the group

    Group(T* w, const T* moment, std::size_t size, const Shrink<T>& s) : w(w), moment(moment), size(size), s(s) {}

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
        for (int round = 0; moment && round < 50; ++round) {
            const T at = T(theta);
            double norms = 0, slopes = 0;  // ||q||^2 and sum q^2 / (theta + t), q = z / (theta + t)
            stretches([&](T* z, std::size_t, std::size_t n) {
                add<2>(z, n, {&norms, &slopes}, [at](Wide z, Wide t, Wide* sums) {
                    const Wide over = 1 / (at + t), q = z * over;
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
        const Shrink<T> s = this->s;
        T* __restrict out = t;
        if (!moment) return std::fill(out, out + n, s.rate * s.group / (1 + s.rate * s.l2)), void();
        const T* __restrict v = moment + first;
        for (std::size_t i = 0; i < n; ++i) out[i] = step_at(s, v, i) * s.group;
        if (s.l2 != 0)
            for (std::size_t i = 0; i < n; ++i) out[i] /= 1 + step_at(s, v, i) * s.l2;
    }

    void soften(T* __restrict z, std::size_t first, std::size_t n) {
        for (std::size_t i = 0; i < n; ++i) {
            const T step = moment ? step_at(s, moment + first, i) : s.rate;
            z[i] = (z[i] - within(z[i], step * s.l1)) / (1 + step * s.l2);
        }
    }

    // totals += the sums that f makes of z and t, side by side in as many lanes as a register has.
    template <std::size_t COUNT, class F>
    void add(const T* z, std::size_t n, std::array<double*, COUNT> totals, F f) {
        Wide sums[COUNT] = {};
        for (std::size_t i = 0; i < n; i += LANE) {
            Wide x = {}, bound = Wide{} + 1;  // beyond the end zeros, which add nothing
            const std::size_t bytes = std::min(LANE, n - i) * sizeof(T);
            std::memcpy(&x, z + i, bytes);
            std::memcpy(&bound, t + i, bytes);
            f(x, bound, sums);
        }
        for (std::size_t k = 0; k < COUNT; ++k)
            for (std::size_t l = 0; l < LANE; ++l) *totals[k] += sums[k][l];
    }
};

template <class T>
static bool shrink_groups(T* w, std::size_t groups, std::size_t size, const Shrink<T>& s, bool seen) {
    bool others = false;
    for (std::size_t g = 0; g < groups; ++g) {
        const T* moment = s.moment ? s.moment + g * size : nullptr;
        const bool unseen = moment && any_zero(moment, size);
        others = others || unseen;
        if (unseen != seen) Group<T>(w + g * size, moment, size, s).shrink();
    }
    return others;
}
