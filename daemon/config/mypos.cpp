// mypos: stores and their key pairs.
#include "daemon/config/reader.h"

namespace signet::config {

Result<Mypos> read_mypos(const yaml::Node& node) {
    SIGNET_TRY(node.only({"ca", "profile", "longer_keys", "packs", "failures"}));
    Mypos mypos;
    if (const auto ca = node.optional("ca")) {
        SIGNET_ASSIGN(mypos.ca, read_label(*ca));
    }
    if (const auto profile = node.optional("profile")) {
        SIGNET_ASSIGN(mypos.profile, read_label(*profile));
    }
    if (const auto longer = node.optional("longer_keys")) {
        SIGNET_ASSIGN(mypos.longer_keys, longer->boolean());
    }
    if (const auto packs = node.optional("packs")) {
        SIGNET_ASSIGN(mypos.packs, packs->boolean());
        if (mypos.packs)
            return packs->error("configuration packs are not made by this version; leave it out");
    }
    if (const auto failures = node.optional("failures"))
        SIGNET_TRY(
            read_failures(*failures, "per_store", mypos.failures_per_caller, mypos.failures_per_store));
    return mypos;
}

}  // namespace signet::config
