// Included by kernels.inl: numbers side by side. A vector is one register where the machine has one so wide, else two halves:
// left to themselves, compilers keep wider vectors in memory and choose between them entry by entry, at many times the cost.
// Either way an entry sees the same operations in the same order.

#if defined(__AVX512F__)
constexpr std::size_t REGISTER = 64, REGISTERS = 32;
#elif defined(__AVX2__)
constexpr std::size_t REGISTER = 32, REGISTERS = 16;
#elif defined(__aarch64__)
constexpr std::size_t REGISTER = 16, REGISTERS = 32;
#else
constexpr std::size_t REGISTER = 16, REGISTERS = 16;
#endif

template <class H>
struct Two {
    H low, high;
    auto operator[](std::size_t i) const {
        constexpr std::size_t half = sizeof(H) / sizeof(low[0]);
        return i < half ? low[i] : high[i - half];
    }
};
template <class V>
concept Halved = requires(V x) { x.high; };
template <class V>
using Entry = std::remove_cvref_t<decltype(V{}[0])>;

template <class T, std::size_t N, bool FITS>
struct Side {
    typedef T type __attribute__((vector_size(N * sizeof(T))));
};
template <class T, std::size_t N>
struct Side<T, N, false> {
    using type = Two<typename Side<T, N / 2, N / 2 * sizeof(T) <= REGISTER>::type>;
};
// N of T.
template <class T, std::size_t N>
using Vector = typename Side<T, N, N * sizeof(T) <= REGISTER>::type;

#define BY_HALVES(sign)                                                                     \
    template <class H>                                                                      \
    static inline auto operator sign(Two<H> a, Two<H> b) {                                  \
        return Two<decltype(a.low sign b.low)>{a.low sign b.low, a.high sign b.high};       \
    }
BY_HALVES(+) BY_HALVES(-) BY_HALVES(*) BY_HALVES(/) BY_HALVES(&)
BY_HALVES(<) BY_HALVES(>) BY_HALVES(<=) BY_HALVES(==)
#undef BY_HALVES
template <class H>
static inline Two<H> operator-(Two<H> a) { return {-a.low, -a.high}; }
template <class H>
static inline Two<H> operator<<(Two<H> a, int by) { return {a.low << by, a.high << by}; }
template <class H>
static inline void operator+=(Two<H>& a, Two<H> b) { a = a + b; }

// a where it is so, else b.
template <class M, class V>
static inline V choose(M so, V a, V b) {
    if constexpr (Halved<V>) return {choose(so.low, a.low, b.low), choose(so.high, a.high, b.high)};
    else return so ? a : b;
}

// a b + c of what fills a register: rounded once where we know how to say so (x86), else twice.
template <class V>
static inline V fused(V a, V b, V c) {
#if defined(__AVX512F__)
    if constexpr (std::is_same_v<V, Vector<double, 8>>) return _mm512_fmadd_pd(a, b, c);
#elif defined(__FMA__)
    if constexpr (std::is_same_v<V, Vector<double, 4>>) return _mm256_fmadd_pd(a, b, c);
#endif
    return a * b + c;
}

template <class V>
static inline V larger(V a, V b) { return choose(a > b, a, b); }
template <class V>
static inline V lesser(V a, V b) { return choose(a < b, a, b); }

template <class V>
static inline V spread(Entry<V> x) {
    if constexpr (Halved<V>) return {spread<decltype(V::low)>(x), spread<decltype(V::high)>(x)};
    else return V{} + x;
}

template <Halved V>
constexpr std::size_t HALF = sizeof(V) / 2 / sizeof(Entry<V>);

// From as many numbers as V holds, which may be narrower. (Halves one by one: copied whole, they would go through memory.)
template <class V, class T>
static inline V load(const T* x) {
    if constexpr (Halved<V>) {
        return {load<decltype(V::low)>(x), load<decltype(V::high)>(x + HALF<V>)};
    } else if constexpr (std::is_same_v<T, Entry<V>>) {
        V out;
        std::memcpy(&out, x, sizeof out);
        return out;
    } else {
        typename Side<T, sizeof(V) / sizeof(Entry<V>), true>::type narrow;
        std::memcpy(&narrow, x, sizeof narrow);
        return __builtin_convertvector(narrow, V);
    }
}

template <class V>
static inline void store(Entry<V>* to, V x) {
    if constexpr (Halved<V>) store(to, x.low), store(to + HALF<V>, x.high);
    else std::memcpy(to, &x, sizeof x);
}

// The same bits, read as another kind of number.
template <class To, class V>
static inline To bits(V x) {
    if constexpr (Halved<V>) return {bits<decltype(To::low)>(x.low), bits<decltype(To::high)>(x.high)};
    else return reinterpret_cast<To>(x);
}

// The first and the second half.
template <class H, class V>
static inline H lower(V x) {
    if constexpr (Halved<V>) return x.low;
    else return H{x[0], x[1], x[2], x[3]};
}
template <class H, class V>
static inline H upper(V x) {
    if constexpr (Halved<V>) return x.high;
    else return H{x[4], x[5], x[6], x[7]};
}
