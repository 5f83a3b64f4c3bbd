#include <algorithm>

#include "policy/policy.h"

namespace signet::policy {
namespace {

// Equal but for where they stand in the file.
bool same(Principal a, const Principal& b) {
    a.line = b.line;
    return a == b;
}
bool same(Rule a, const Rule& b) {
    a.line = b.line;
    return a == b;
}

std::string describe(const Principal& principal) {
    return "principal '" + principal.name + "'";
}
std::string describe(const Rule& rule) {
    return std::string(rule.allow ? "allow" : "deny") + " rule '" + rule.name + "'";
}

template <class Item>
const Item* find(const std::vector<Item>& items, const std::string& name) {
    const auto found = std::ranges::find(items, name, &Item::name);
    return found == items.end() ? nullptr : &*found;
}

template <class Item>
void compare(const Policy& before_policy, const Policy& after_policy, const std::vector<Item>& before,
             const std::vector<Item>& after, std::vector<std::string>& out) {
    const auto where = [](const Policy& policy, const Item& item) {
        return " (" + policy.file() + ":" + std::to_string(item.line) + ")";
    };
    for (const auto& item : before)
        if (find(after, item.name) == nullptr)
            out.push_back("removed: " + describe(item) + where(before_policy, item));
    for (const auto& item : after) {
        const auto* const old = find(before, item.name);
        if (old == nullptr)
            out.push_back("added: " + describe(item) + where(after_policy, item));
        else if (!same(*old, item))
            out.push_back("changed: " + describe(item) + where(after_policy, item));
    }
}

// The first match decides, so the order of the rules that stayed is part of the policy.
void compare_order(const Policy& before, const Policy& after, std::vector<std::string>& out) {
    const auto kept = [](const Policy& of, const Policy& other) {
        std::vector<const Rule*> rules;
        for (const auto& rule : of.rules())
            if (find(other.rules(), rule.name) != nullptr) rules.push_back(&rule);
        return rules;
    };
    const auto old_order = kept(before, after);
    const auto new_order = kept(after, before);
    for (std::size_t i = 0; i < new_order.size(); ++i) {
        if (old_order[i]->name == new_order[i]->name) continue;
        out.push_back("moved: rules stand in another order from '" + new_order[i]->name + "' (" +
                      after.file() + ":" + std::to_string(new_order[i]->line) + ") on");
        return;
    }
}

}  // namespace

std::vector<std::string> differences(const Policy& before, const Policy& after) {
    std::vector<std::string> out;
    compare(before, after, before.principals(), after.principals(), out);
    compare(before, after, before.rules(), after.rules(), out);
    compare_order(before, after, out);
    return out;
}

}  // namespace signet::policy
