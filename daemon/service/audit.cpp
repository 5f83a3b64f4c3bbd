#include "daemon/service/audit.h"

#include "base/encoding.h"
#include "base/log.h"
#include "daemon/service/details.h"
#include "hsm/pki/public_key.h"
#include "hsm/pki/signature.h"

namespace signet::service {
namespace {

// A caller over its rate is refused thousands of times; the chain keeps one of them in this time, and a count.
constexpr std::chrono::seconds kRateRefusalRest{10};
constexpr std::size_t kMaxRateRefusals = 1024;

}  // namespace

void Audit::replace(AuditSettings settings) {
    const std::lock_guard lock(mutex_);
    settings_ = std::move(settings);
}

AuditSettings Audit::settings() const {
    const std::lock_guard lock(mutex_);
    return settings_;
}

Result<sqlite::AuditPage> Audit::read(const sqlite::AuditFilter& filter, std::uint64_t after,
                                      std::size_t limit) {
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    return sqlite::audit_log::search(*db, filter, after, limit);
}

Result<std::optional<sqlite::Checkpoint>> Audit::last_checkpoint() {
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    return sqlite::audit_log::last_checkpoint(*db);
}

Status Audit::note(std::string_view action, std::string_view outcome, std::string details) {
    sqlite::AuditRecord record;
    record.principal = "system";
    record.action = action;
    record.outcome = outcome;
    record.details = std::move(details);
    SIGNET_TRY(parts_.writer.append(std::move(record)));
    return {};
}

void Audit::refused(const AuditedRefusal& refusal) {
    if (refusal.by_rate) {
        const std::lock_guard lock(mutex_);
        const auto now = parts_.clock.now();
        if (rate_refused_at_.size() >= kMaxRateRefusals) rate_refused_at_.clear();
        auto& last = rate_refused_at_[refusal.principal + " " + refusal.permission];
        if (last != SystemTime{} && now - last < kRateRefusalRest) {
            ++rate_refusals_;
            return;
        }
        last = now;
    }
    sqlite::AuditRecord record;
    record.request_id = refusal.request_id;
    record.principal = refusal.principal;
    record.action = refusal.permission;
    record.object = refusal.resource;
    record.outcome = "refused";
    Details details;
    if (!refusal.algorithm.empty()) details.add("alg", refusal.algorithm);
    record.details = details.add("why", refusal.why).add("peer", refusal.peer).text();
    parts_.writer.append_async(std::move(record), [this](const Result<std::uint64_t>& written) {
        if (written) return;
        const std::lock_guard lock(mutex_);
        ++unwritten_;
    });
}

void Audit::summarise_refusals() {
    const auto anonymous = parts_.anonymous_refusals ? parts_.anonymous_refusals() : 0;
    std::uint64_t rates = 0;
    std::uint64_t unwritten = 0;
    std::uint64_t new_anonymous = 0;
    {
        const std::lock_guard lock(mutex_);
        new_anonymous = anonymous - reported_anonymous_;
        rates = rate_refusals_;
        unwritten = unwritten_;
    }
    if (new_anonymous == 0 && rates == 0 && unwritten == 0) return;
    const auto details = Details()
                             .add("anonymous", new_anonymous)
                             .add("over_rate", rates)
                             .add("not_recorded", unwritten)
                             .text();
    if (!note("system.refusals", "refused", details)) return;  // counted on, and told the next time
    const std::lock_guard lock(mutex_);
    reported_anonymous_ = anonymous;
    rate_refusals_ -= rates;
    unwritten_ -= unwritten;
}

Result<sqlite::Checkpoint> Audit::sign(const sqlite::ChainHead& head, const sqlite::ChainHead& previous,
                                       const KeyVersion& key, Deadline deadline) {
    const auto algorithm = default_sign_algorithm(key.algorithm);
    if (!algorithm)
        return fail(ErrorCode::failed_precondition, "the audit key " + to_string(key.id) + " does not sign");
    CheckpointRequest request;
    request.key = key.id;
    request.sequence = head.sequence;
    request.head = head.hash;
    request.previous_sequence = previous.sequence;
    request.previous_head = previous.hash;
    SIGNET_ASSIGN(auto signature, parts_.token.sign_checkpoint(request, deadline));
    sqlite::Checkpoint checkpoint;
    checkpoint.head = head;
    checkpoint.time_ms = to_unix_ms(parts_.clock.now());
    checkpoint.key_label = key.id.label;
    checkpoint.key_version = key.id.version;
    checkpoint.algorithm = to_string(*algorithm);
    checkpoint.signature = std::move(signature);
    return checkpoint;
}

std::optional<sqlite::ChainHead> Audit::anchored_head(Deadline deadline) {
    const auto anchor = parts_.token.read_anchor(deadline);
    if (!anchor || !*anchor) return std::nullopt;
    const auto db = parts_.readers.lease();
    if (!db) return std::nullopt;
    const auto record = sqlite::audit_log::find(**db, (*anchor)->sequence);
    if (!record || !*record || (*record)->hash != (*anchor)->head) return std::nullopt;
    return sqlite::ChainHead{(*anchor)->sequence, (*anchor)->head};
}

Result<sqlite::Checkpoint> Audit::checkpoint(Deadline deadline) {
    const std::lock_guard one_at_a_time(checkpointing_);
    const auto head = parts_.writer.head();
    if (head.sequence == 0) return fail(ErrorCode::not_found, "the audit chain is empty");
    return sign_and_keep(head, deadline);
}

Result<sqlite::Checkpoint> Audit::sign_and_keep(const sqlite::ChainHead& head, Deadline deadline) {
    // A chain that was put back and went on is longer than the anchored one: signing it would hide that.
    if (auto why = trouble(); !why.empty()) return fail(ErrorCode::storage_failed, std::move(why));
    SIGNET_ASSIGN(auto last, last_checkpoint());
    if (last && last->head.sequence == head.sequence) {
        signed_head_ = last->head;
        return *std::move(last);
    }
    SIGNET_ASSIGN(const auto key, parts_.keys.active(settings().key, KeyUsage::audit));
    auto made = sign(head, last ? last->head : sqlite::ChainHead{}, *key, deadline);
    if (!made && made.error().code == ErrorCode::token_refused) {
        // The token anchored a later head of this chain, but that checkpoint's row was lost in a crash.
        if (const auto anchored = anchored_head(deadline)) made = sign(head, *anchored, *key, deadline);
    }
    SIGNET_TRY(made);
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) {
        return sqlite::audit_log::add_checkpoint(transaction, *made);
    }));
    signed_head_ = head;
    signed_at_ = parts_.clock.now();
    log::info("audit.checkpoint", "the audit chain was signed",
              {{"sequence", std::to_string(head.sequence)}, {"head", to_hex(head.hash)}});
    return made;
}

Result<SignedRecord> Audit::append_signed(sqlite::AuditRecord record, Deadline deadline) {
    const std::lock_guard one_at_a_time(checkpointing_);
    SIGNET_ASSIGN(const auto sequence, parts_.writer.append(std::move(record)));
    SignedRecord out;
    sqlite::ChainHead head;
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        SIGNET_ASSIGN(auto own, sqlite::audit_log::find(*db, sequence));
        SIGNET_ASSIGN(const auto before, sqlite::audit_log::find(*db, sequence - 1));
        SIGNET_ASSIGN(const auto base, sqlite::audit_log::base(*db));
        if (!own) return fail(ErrorCode::internal, "an audit record that was just written cannot be found");
        out.previous = before ? before->hash : base.hash;
        head = {sequence, own->hash};
        out.record = std::move(own->record);
    }
    SIGNET_ASSIGN(out.checkpoint, sign_and_keep(head, deadline));
    return out;
}

bool Audit::checkpoint_if_due(std::chrono::milliseconds time_limit) {
    const auto limits = settings();
    const auto head = parts_.writer.head();
    {
        const std::lock_guard lock(checkpointing_);
        const auto signed_sequence = signed_head_ ? signed_head_->sequence : 0;
        if (head.sequence <= signed_sequence) return true;
        const bool due = !signed_head_ || head.sequence - signed_sequence >= limits.checkpoint_every ||
                         parts_.clock.now() - signed_at_ >= limits.checkpoint_interval;
        if (!due) return true;
    }
    const auto made = checkpoint(Deadline::in(time_limit));
    if (made) {
        if (failing_)
            log::info("audit.checkpoint.recovered", "checkpoints of the audit chain are signed again");
        failing_ = false;
        return true;
    }
    if (!failing_)
        log::error("audit.checkpoint.failed",
                   "the audit chain could not be signed; it goes on unsigned and is tried again",
                   {{"error", made.error().message}, {"detail", made.error().detail}});
    failing_ = true;
    if (made.error().code == ErrorCode::token_refused || made.error().code == ErrorCode::conflict)
        static_cast<void>(compare_with_anchor(Deadline::in(time_limit)));
    return false;
}

sqlite::AuditVerifyOptions Audit::verification() const {
    sqlite::AuditVerifyOptions options;
    options.check_signature = [this](const sqlite::Checkpoint& checkpoint) -> Result<bool> {
        SIGNET_ASSIGN(const auto key, parts_.keys.find(checkpoint.key_label));
        const auto* const version = key->find(checkpoint.key_version);
        const auto algorithm = sign_algorithm_from(checkpoint.algorithm);
        if (version == nullptr || !algorithm)
            return fail(ErrorCode::not_found, "the audit key " + checkpoint.key_label + "/" +
                                                  std::to_string(checkpoint.key_version) + " is not known");
        SIGNET_ASSIGN(const auto public_key, pki::PublicKey::from_spki(version->public_key));
        return pki::verify(public_key, *algorithm,
                           checkpoint_message(checkpoint.head.sequence, checkpoint.head.hash),
                           checkpoint.signature);
    };
    return options;
}

Result<std::optional<ArchivedPart>> Audit::archive(const Caller& caller, std::optional<SystemTime> before) {
    // Two at once would write one file and delete what neither holds.
    const std::unique_lock one_at_a_time(archiving_, std::try_to_lock);
    if (!one_at_a_time)
        return fail(ErrorCode::conflict,
                    "the audit chain is being archived already; wait until that has ended");
    const auto limits = settings();
    std::error_code failure;
    if (std::filesystem::create_directories(limits.archive, failure))
        std::filesystem::permissions(limits.archive, std::filesystem::perms::owner_all, failure);
    if (failure)
        return fail(ErrorCode::storage_failed,
                    "the archive directory " + limits.archive.string() + " cannot be made",
                    failure.message());
    // A connection of its own: an archive reads for long, and the pool's are for requests.
    SIGNET_ASSIGN(auto db, sqlite::Connection::open(parts_.database, sqlite::Connection::Mode::read_only));
    const auto cut = before.value_or(parts_.clock.now() - limits.retention);
    SIGNET_ASSIGN(const auto report,
                  sqlite::archive_audit(db, parts_.writer, limits.archive, cut, verification()));
    if (!report) return std::nullopt;
    SIGNET_ASSIGN(const auto anchor, sqlite::audit_log::last_anchor(db));
    // The archive's own record is the system's; who asked for it, if anybody did, gets one besides.
    ArchivedPart part{*report, anchor ? anchor->file : std::string()};
    if (caller.request_id.empty()) return part;
    sqlite::AuditRecord record;
    record.request_id = caller.request_id;
    record.principal = caller.principal;
    record.action = "audit.archive";
    record.object = part.file;
    record.outcome = "ok";
    record.details = Details()
                         .add("first", report->base.sequence + 1)
                         .add("last", report->head.sequence)
                         .add("digest", to_hex(report->digest))
                         .text();
    SIGNET_TRY(parts_.writer.append(std::move(record)));
    return part;
}

namespace {

// What an operator does about a chain that does not fit the token's anchor.
constexpr std::string_view kRemedy =
    "; nothing is signed until that is settled: compare the database with its backups, exports and the heads "
    "in the "
    "journal, put the newest one back, or stop the daemon and let custodians anchor the chain anew "
    "(signetd-token "
    "re-anchor; docs/operations.md)";

bool is_absence(ErrorCode code) {
    return code == ErrorCode::token_unavailable || code == ErrorCode::token_pin ||
           code == ErrorCode::deadline_exceeded || code == ErrorCode::cancelled ||
           code == ErrorCode::overloaded;
}

// Whether the chain has that head: as a record, as the end of what was archived, or as a checkpoint within it.
Result<bool> has_head(sqlite::Connection& db, const sqlite::ChainHead& head) {
    SIGNET_ASSIGN(const auto record, sqlite::audit_log::find(db, head.sequence));
    if (record) return record->hash == head.hash;
    SIGNET_ASSIGN(const auto base, sqlite::audit_log::base(db));
    return base == head;
}

}  // namespace

bool Audit::compare_with_anchor(Deadline deadline) {
    const auto anchor = parts_.token.read_anchor(deadline);
    if (!anchor) {
        if (is_absence(anchor.error().code)) return false;  // reported elsewhere
        if (anchor.error().code == ErrorCode::unsupported) return set_trouble({}), true;
        return set_trouble("the token's anchor of the audit chain cannot be used: " + anchor.error().message),
               true;
    }
    const auto db = parts_.readers.lease();
    if (!db) return false;
    const auto last = sqlite::audit_log::last_checkpoint(**db);
    if (!last) return false;
    if (!*anchor) {
        if (!*last) return set_trouble({}), true;
        return set_trouble(
                   "the audit chain is signed up to record " + std::to_string((*last)->head.sequence) +
                   ", but the token holds no anchor of it: it is another token, or its anchor is gone"),
               true;
    }
    const auto head = parts_.writer.head();
    if ((*anchor)->sequence > head.sequence)
        return set_trouble("the audit chain ends at record " + std::to_string(head.sequence) +
                           ", but the token anchored record " + std::to_string((*anchor)->sequence) +
                           ": the database was put back to an older state"),
               true;
    const auto known = has_head(**db, {(*anchor)->sequence, (*anchor)->head});
    if (!known) return false;
    if (!*known)
        return set_trouble(
                   "record " + std::to_string((*anchor)->sequence) +
                   " of the audit chain is not the one that the token anchored: the database was put back to "
                   "an older state and went on from there, or the chain was rewritten"),
               true;
    set_trouble({});
    return true;
}

void Audit::set_trouble(std::string text) {
    if (!text.empty()) text += kRemedy;
    const std::lock_guard lock(mutex_);
    if (!text.empty() && text != trouble_) log::error("audit.trouble", text);
    trust_ = text.empty() ? Trust::good : Trust::none;
    trouble_ = std::move(text);
}

Status Audit::trusted() const {
    switch (trust_.load(std::memory_order_relaxed)) {
        case Trust::good:
            return {};
        case Trust::unknown:
            return fail(ErrorCode::token_unavailable,
                        "the audit chain has not been compared with the token's anchor yet; try again");
        case Trust::none:
            break;
    }
    return fail(ErrorCode::storage_failed, "the audit chain cannot be trusted: " + trouble());
}

std::string Audit::trouble() const {
    const std::lock_guard lock(mutex_);
    return trouble_;
}

}  // namespace signet::service
