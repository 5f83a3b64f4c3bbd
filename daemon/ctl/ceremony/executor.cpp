#include "daemon/ctl/ceremony/executor.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/encoding.h"
#include "base/file.h"
#include "daemon/ctl/ceremony/custody_steps.h"
#include "daemon/ctl/ceremony/transcript.h"
#include "daemon/ctl/ceremony/workplace.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/progress.h"

namespace signet::ctl::ceremony {
namespace {

namespace json = boost::json;

constexpr std::string_view kRehearsal = "REHEARSAL: nothing of this is real";

}  // namespace

Executor::Executor(Parts parts) : parts_(parts), transcript_(parts.site.transcript(parts.plan)) {}
Executor::~Executor() = default;

void Executor::plan_steps() {
    const auto& plan = parts_.plan;
    if (plan.initialise || parts_.site.rehearsal)
        steps_.push_back({.id = "token",
                          .title = "make the token '" + plan.token_label + "'",
                          .act = [this](const Data&, bool resumed) -> Result<Data> {
                              SIGNET_TRY(make_token(parts_.site, parts_.plan, resumed));
                              return Data{};
                          }});
    // Everything from here on needs the token.
    steps_.push_back(
        {.id = "open", .title = "open the token", .act = [this](const Data&, bool) -> Result<Data> {
             return token_facts(place_->token());
         }});
    for (const auto& key : plan.keys)
        steps_.push_back(key_step(key));
    for (const auto& certificate : plan.certificates)
        steps_.push_back(certificate_step(certificate));
    for (const auto& destruction : plan.destroy)
        steps_.push_back(destroy_step(destruction));
    const CustodyParts custody{plan, parts_.site, parts_.terminal, parts_.out};
    if (plan.backup)
        steps_.push_back({.id = "backup",
                          .title = "make the backup key and the backup",
                          .act = [this, custody](const Data&, bool resumed) {
                              return make_backup_step(custody, *place_, resumed);
                          }});
    if (plan.custody)
        steps_.push_back(
            {.id = "custody",
             .title = "give PIN and SO PIN into the custodians' shares",
             .act = [custody](const Data&, bool resumed) { return share_pin_step(custody, resumed); }});
    steps_.push_back({.id = "ceremony",
                      .title = "sign the transcript",
                      .act = [this](const Data&, bool) { return conclude(); },
                      .officers_confirm = "all steps were done, and nothing unexpected was seen"});
}

Status Executor::run() {
    SIGNET_TRY(make_places(parts_.site, parts_.plan));
    SIGNET_ASSIGN(auto journal, Journal::open(parts_.site.journal(parts_.plan), parts_.plan.sha256,
                                              parts_.site.rehearsal, parts_.clock));
    journal_ = std::make_unique<Journal>(std::move(journal));
    if (journal_->find("ceremony", "done") != nullptr) {
        parts_.out.line("this ceremony is over; its transcript is " + transcript_.string());
        return {};
    }
    if (parts_.site.rehearsal) parts_.out.line(kRehearsal);
    if (const auto times = journal_->interruptions(); times != 0)
        parts_.out.line("interrupted " + std::to_string(times) + " time" + (times == 1 ? "" : "s") +
                        " so far; going on where the journal ends");
    SIGNET_TRY(attendance());
    plan_steps();
    for (std::size_t i = 0; i < steps_.size(); ++i)
        SIGNET_TRY(run_step(steps_[i], i + 1));
    return {};
}

Status Executor::attendance() {
    const auto& plan = parts_.plan;
    if (journal_->find("attendance", "done") == nullptr) {
        for (const auto& participant : plan.participants) {
            const auto id = "present:" + participant.name;
            if (journal_->find(id, "done") != nullptr) continue;
            SIGNET_TRY(parts_.terminal.confirm(participant.name, to_string(participant.role),
                                               "are you present, and is the file's hash the one you know?"));
            SIGNET_TRY(journal_->write(id, "done", {{"role", to_string(participant.role)}}));
        }
        return journal_->write("attendance", "done", {});
    }
    // After an interruption the officers look again before anything goes on.
    const auto id = "resume:" + std::to_string(journal_->interruptions());
    for (const auto* officer : plan.having(Role::officer))
        SIGNET_TRY(parts_.terminal.confirm(officer->name, "officer", "the ceremony was interrupted; go on?"));
    return journal_->write(id, "done", {});
}

Status Executor::run_step(const Step& step, std::size_t number) {
    const auto title =
        "step " + std::to_string(number) + " of " + std::to_string(steps_.size()) + ": " + step.title;
    if (step.id == "open") {
        // Whatever the journal says: each run opens the token for itself.
        SIGNET_ASSIGN(place_, open_workplace(parts_.site, parts_.plan, parts_.out));
        if (parts_.site.rehearsal) SIGNET_TRY(make_stand_ins(*place_, parts_.plan));
    }
    if (const auto* done = journal_->find(step.id, "done"); done != nullptr) {
        if (step.check) SIGNET_TRY(step.check(*done));
        parts_.out.line(title + ": done before, and still so");
        return {};
    }
    parts_.out.line("");
    parts_.out.line(title);
    if (!step.officers_confirm.empty()) {
        for (const auto* officer : parts_.plan.having(Role::officer)) {
            SIGNET_TRY(parts_.terminal.confirm(officer->name, "officer", step.officers_confirm));
            SIGNET_TRY(journal_->write(step.id, "confirmed", {{"by", officer->name}}));
        }
    } else if (parts_.pauses) {
        SIGNET_TRY(parts_.terminal.pause("go on?"));
    }
    const auto* begun = journal_->find(step.id, "begun");
    const bool resumed = begun != nullptr;
    Data facts;
    if (resumed) {
        facts = *begun;
    } else {
        if (step.prepare) {
            SIGNET_ASSIGN(facts, step.prepare());
        }
        SIGNET_TRY(journal_->write(step.id, "begun", facts));
    }
    auto done = step.act(facts, resumed);
    if (!done) {
        (void)journal_->write(step.id, "failed", {{"why", done.error().message}});
        done.error().message = step.title + ": " + done.error().message;
        return std::unexpected(std::move(done).error());
    }
    if (step.id != "ceremony") SIGNET_TRY(journal_->write(step.id, "done", *done));
    for (const auto& [name, value] : *done) {
        if (value.is_string() && value.get_string().size() < 200 && !value.get_string().empty())
            parts_.out.line("  " + std::string(name) + ": " + std::string(value.get_string()));
    }
    return {};
}

Executor::Step Executor::key_step(const PlannedKey& key) {
    return {.id = "key:" + key.label,
            .title = "make the key " + key.label + " (" + std::string(to_string(key.algorithm)) + ", " +
                     to_string(key.usages) + (key.extractable ? ", for backup" : "") + ")",
            .act = [this, &key](const Data&, bool resumed) { return make_key(key, resumed); },
            .prepare = [this, &key] { return prepare_key(key); },
            .check = [this, &key](const Data& done) { return check_key(key, done); }};
}

// Looked at before `begun` is written: what is there afterwards was made by this step.
Result<Executor::Data> Executor::prepare_key(const PlannedKey& key) {
    if (place_->keys().find(key.label))
        return fail(ErrorCode::conflict,
                    "the token has a key '" + key.label + "' that this ceremony did not make");
    return Data{};
}

Result<Executor::Data> Executor::make_key(const PlannedKey& key, bool resumed) {
    const auto found = place_->keys().find(key.label);
    if (!found) {
        const Progress progress(parts_.out, "making " + key.label);
        SIGNET_TRY(place_->keys().create(place_->caller(std::chrono::seconds(600)),
                                         {.label = key.label,
                                          .algorithm = key.algorithm,
                                          .usages = key.usages,
                                          .extractable = key.extractable}));
    } else if (!resumed) {
        return fail(ErrorCode::conflict, "the key '" + key.label + "' appeared while the ceremony ran");
    }
    SIGNET_ASSIGN(const auto info,
                  place_->token().find_key({key.label, 1}, Deadline::in(std::chrono::seconds(60))));
    if (info.algorithm != key.algorithm || info.usages != key.usages || !info.attributes.sensitive ||
        info.attributes.extractable != key.extractable)
        return fail(ErrorCode::failed_precondition,
                    "the key " + key.label + " in the token is not as planned");
    if (!key.public_key.empty()) {
        SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(info.public_key));
        SIGNET_TRY(write_output(key.public_key, public_key.pem()));
    }
    return key_facts(place_->token(), info);
}

Status Executor::check_key(const PlannedKey& key, const Data& done) {
    SIGNET_ASSIGN(const auto info,
                  place_->token().find_key({key.label, 1}, Deadline::in(std::chrono::seconds(60))));
    SIGNET_ASSIGN(const auto facts, key_facts(place_->token(), info));
    if (facts == done) return {};
    return fail(ErrorCode::conflict,
                "the key " + key.label + " in the token is not the one that this ceremony made");
}

Executor::Step Executor::destroy_step(const Destruction& destruction) {
    return {.id = "destroy:" + to_string(destruction.key),
            .title = "destroy the key " + to_string(destruction.key),
            .act = [this, &destruction](const Data&, bool resumed) { return destroy(destruction, resumed); },
            .officers_confirm = "destroy " + to_string(destruction.key) + " for good: " + destruction.reason};
}

Result<Executor::Data> Executor::destroy(const Destruction& destruction, bool resumed) {
    const auto& id = destruction.key;
    SIGNET_ASSIGN(const auto key, place_->keys().find(id.label));
    const auto* version = key->find(id.version);
    if (version == nullptr) return fail(ErrorCode::not_found, "there is no key " + to_string(id));
    const bool gone_already = version->state == service::KeyState::destroyed;
    if (gone_already && !resumed)
        return fail(ErrorCode::conflict, to_string(id) + " is destroyed already, and not by this ceremony");
    if (!gone_already) {
        if (version->state == service::KeyState::active)
            SIGNET_TRY(place_->keys().disable(place_->caller(), id.label, id.version));
        SIGNET_TRY(place_->keys().destroy(place_->caller(), id.label, id.version));
    }
    const auto left = place_->token().find_key(id, Deadline::in(std::chrono::seconds(60)));
    if (left || left.error().code != ErrorCode::not_found)
        return fail(ErrorCode::failed_precondition,
                    "the token does not confirm that " + to_string(id) + " is gone");
    return Data{{"key", to_string(id)}, {"reason", destruction.reason}, {"token_says", "no such object"}};
}

Status Executor::write_output(const std::string& name, const std::string& content) {
    return write_file_atomic(parts_.site.outputs / name, as_bytes(content), 0644);
}

Result<Executor::Data> Executor::conclude() {
    SIGNET_TRY(sign_transcript({parts_.plan, parts_.site, *journal_, *place_}));
    const auto words = write_transcript_page(transcript_);
    SIGNET_TRY(words);
    SIGNET_TRY(journal_->write("ceremony", "done", {}));
    return Data{{"transcript", transcript_.string()}, {"hash", *words}};
}

}  // namespace signet::ctl::ceremony
