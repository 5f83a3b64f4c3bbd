#include "daemon/ctl/family_setup.h"

#include <algorithm>

#include "daemon/ctl/setup_paycontrol.h"

namespace signet::ctl {

FamilySetup mosip_setup();  // setup_mosip.cpp
FamilySetup mpoc_setup();   // setup_mpoc.cpp

const std::vector<FamilySetup>& family_setups() {
    static const std::vector<FamilySetup> all{mpoc_setup(), mosip_setup(), momo_setup(), paycontrol_setup(),
                                              mypos_setup()};
    return all;
}

Result<std::vector<const FamilySetup*>> setups_named(const std::vector<std::string>& names) {
    std::vector<const FamilySetup*> out;
    for (const auto& name : names) {
        if (name == "all") {
            out.clear();
            for (const auto& setup : family_setups())
                out.push_back(&setup);
            return out;
        }
        const auto found = std::ranges::find(family_setups(), name, &FamilySetup::name);
        if (found == family_setups().end()) {
            std::string known;
            for (const auto& setup : family_setups())
                known += (known.empty() ? "" : ", ") + std::string(setup.name);
            return fail(ErrorCode::invalid_argument,
                        "there is no family '" + name + "' for --with; there are: " + known);
        }
        if (std::ranges::find(out, &*found) == out.end()) out.push_back(&*found);
    }
    return out;
}

}  // namespace signet::ctl
