// One block step for a group: a proximal gradient step in the group's own curvature bound, repeated a few times.
#pragma once
#include <algorithm>
#include <vector>
#include "quadratic.hpp"

struct Group {
    std::size_t id;
    std::vector<std::size_t> members;
    double curvature;  // >= the largest eigenvalue of G on the members plus the largest l2
};

// The groups of a problem in order of their numbers, with a bound on each one's curvature.
inline std::vector<Group> collect_groups(const Quadratic& Q) {
    std::vector<Group> groups(Q.group_terms.count);
    for (std::size_t g = 0; g < groups.size(); ++g) groups[g].id = g;
    for (std::size_t j = 0; j < Q.k(); ++j)
        if (Q.groups[j] >= 0) groups[static_cast<std::size_t>(Q.groups[j])].members.push_back(j);
    for (Group& group : groups) {
        // Gershgorin: no eigenvalue exceeds the largest absolute row sum; Frobenius: nor the root of the sum of squares.
        double widest = 0, frobenius = 0, l2 = 0;
        for (std::size_t i : group.members) {
            double sum = 0;
            for (std::size_t j : group.members) {
                double g = Q.row(i)[j];
                sum += std::abs(g);
                frobenius += g * g;
            }
            widest = std::max(widest, sum);
            l2 = std::max(l2, Q.terms[i].l2);
        }
        group.curvature = std::min(widest, std::sqrt(frobenius)) + l2;
    }
    return groups;
}

// Returns the largest |move| sqrt(curvature).
inline double step_group(Quadratic& Q, const Group& group, std::vector<double>& z) {
    if (group.curvature <= 0) {
        for (std::size_t j : group.members)
            if (Q.w[j] != 0) Q.set(j, 0);
        return 0;
    }
    Term outer = Q.group_terms[group.id];
    double step = 1 / group.curvature, root = std::sqrt(group.curvature), largest = 0;
    z.resize(group.members.size());
    for (int round = 0; round < 8; ++round) {
        double norm2 = 0;
        for (std::size_t m = 0; m < z.size(); ++m) {
            std::size_t j = group.members[m];
            Term term = Q.terms[j];
            double towards = Q.w[j] + step * (Q.q[j] - Q.Gw[j] - term.l2 * Q.w[j]);
            z[m] = term.prox_without_l2(towards, step);
            norm2 += z[m] * z[m];
        }
        double norm = std::sqrt(norm2);
        double share = norm > 0 ? outer.prox(norm, step) / norm : 0;
        double moved = 0;
        for (std::size_t m = 0; m < z.size(); ++m) {
            std::size_t j = group.members[m];
            double value = share * z[m];
            moved = std::max(moved, std::abs(value - Q.w[j]) * root);
            if (value != Q.w[j]) Q.set(j, value);
        }
        largest = std::max(largest, moved);
        if (moved <= 1e-3 * largest) break;
    }
    return largest;
}
