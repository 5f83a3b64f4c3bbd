#include <algorithm>
#include <charconv>
#include <iterator>

#include "daemon/ctl/ceremony/commands.h"
#include "daemon/ctl/command.h"

namespace signet::ctl {

const std::vector<Group>& groups() {
    static const std::vector<Group> all{
        {"ceremony", "key ceremonies: one reviewed file, rehearsed, run, proved"},
        {"custody", "PIN and backup key in custodians' shares"},
        {"keys", "keys in the token"},
        {"csr", "certificate requests"},
        {"cert", "certificates of the appliance's own authorities"},
        {"mpoc", "customers and SDK instances of the MPoC AMS API"},
        {"mosip", "vendors and devices of the MOSIP management server"},
        {"policy", "who may do what with which key"},
        {"approvals", "requests that wait for the approval of others"},
        {"audit", "the audit chain"},
        {"outbox", "messages to other systems"},
        {"momo", "MTN MoMo: subscriptions, API users and keys"},
        {"mypos", "myPOS: stores and their keys"},
        {"backup", "keys under custodians' shares, and copies for nightly jobs"},
        {"paycontrol", "systems and users of the PayControl server"},
        {"device", "a PayControl device in software"},
    };
    return all;
}

const std::vector<Command>& commands() {
    static const std::vector<Command> all = [] {
        std::vector<Command> list;
        for (const auto part :
             {init_commands,   ceremony_commands,     custody_commands,     key_backup_commands,
              key_commands,    signing_commands,      certificate_commands, mpoc_commands,
              mosip_commands,  outbox_commands,       momo_commands,        paycontrol_commands,
              device_commands, mypos_commands,        policy_commands,      approval_commands,
              audit_commands,  audit_people_commands, operation_commands,   top_commands,
              doctor_commands, bench_commands,        completion_commands,  manual_commands})
            std::ranges::move(part(), std::back_inserter(list));
        return list;
    }();
    return all;
}

Result<std::uint64_t> Arguments::number(std::string_view name, std::uint64_t otherwise, std::uint64_t low,
                                        std::uint64_t high) const {
    if (!has(name)) return otherwise;
    const auto given = text(name);
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), value);
    if (error != std::errc{} || end != given.data() + given.size() || value < low || value > high)
        return fail(ErrorCode::invalid_argument, std::string(name) + " takes a number from " +
                                                     std::to_string(low) + " to " + std::to_string(high) +
                                                     ", not '" + given + "'");
    return value;
}

}  // namespace signet::ctl
