#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "daemon/ctl/doctor.h"

namespace signet::ctl {
namespace doctor {

std::size_t Findings::count(Health health) const {
    return static_cast<std::size_t>(std::ranges::count(all_, health, &Finding::health));
}

}  // namespace doctor

namespace {

namespace json = boost::json;

std::string_view to_string(doctor::Health health) {
    switch (health) {
        case doctor::Health::ok:
            return "ok";
        case doctor::Health::warning:
            return "warning";
        case doctor::Health::error:
            return "error";
    }
    return "error";
}

Outcome doctor_command(Context& context, const Arguments&) {
    doctor::Findings findings;
    const auto config = context.config();
    if (!config) {
        findings.error("configuration", config.error().message,
                       "mend the file, or name another one with --config");
    } else {
        findings.ok("configuration", context.options().config.string());
        doctor::check_files(**config, findings);
        doctor::check_token(**config, findings);
        doctor::check_state(**config, findings);
        doctor::check_anchor(**config, findings);
        doctor::check_keys(**config, findings);
        doctor::check_certificates(**config, findings);
        doctor::check_daemon(context, **config, findings);
    }
    json::array list;
    std::size_t widest = 0;
    for (const auto& finding : findings.all())
        widest = std::max(widest, finding.check.size());
    for (const auto& finding : findings.all()) {
        const std::string state(to_string(finding.health));
        context.out().line(state + std::string(9 - state.size(), ' ') + std::string(finding.check) +
                           std::string(widest - finding.check.size() + 2, ' ') + finding.message);
        if (!finding.remedy.empty()) context.out().line(std::string(9, ' ') + "-> " + finding.remedy);
        json::object one{{"check", finding.check}, {"state", state}, {"message", finding.message}};
        if (!finding.remedy.empty()) one["remedy"] = finding.remedy;
        list.emplace_back(std::move(one));
    }
    const auto errors = findings.count(doctor::Health::error);
    const auto warnings = findings.count(doctor::Health::warning);
    context.out().line("");
    context.out().line(std::to_string(errors) + " errors, " + std::to_string(warnings) + " warnings");
    context.out().document(json::object{
        {"ok", errors == 0}, {"errors", errors}, {"warnings", warnings}, {"findings", std::move(list)}});
    return errors == 0 ? ExitCode::ok : ExitCode::unsound;
}

}  // namespace

std::vector<Command> doctor_commands() {
    return {{"",
             "doctor",
             "look at everything the appliance needs and say what to do; exit code 8 when something is wrong",
             {},
             {},
             doctor_command}};
}

}  // namespace signet::ctl
