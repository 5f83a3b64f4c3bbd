#include "hsm/token/checkpoint.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "base/clock.h"
#include "base/digest.h"
#include "base/encoding.h"
#include "base/wire.h"
#include "hsm/token/key_rules.h"
#include "hsm/token/signing.h"
#include "hsm/token/with_key.h"

namespace signet::token {
namespace {

using pkcs11::CkResult;
using pkcs11::Session;
using pkcs11::Template;

constexpr std::string_view kLabel = "signet.audit.anchor";
constexpr std::string_view kApplication = "signet";
constexpr std::size_t kCheckSize = 8;
constexpr int kAttempts = 3;
constexpr std::string_view kTraceLabel = "signet.audit.reanchored";
constexpr std::size_t kMaxReason = 200;
// Far more than are ever written between two checkpoints, and too few to use up the numbers in any lifetime: a daemon
// that was taken over cannot make the token refuse all that comes after.
constexpr std::uint64_t kMaxStep = 1'000'000'000;
constexpr std::string_view kReanchor =
    "; compare the chain with its exports and the journal, then let custodians re-anchor it with the daemon "
    "stopped (signetd-token re-anchor)";

// Sequence (8, big-endian) ‖ head (32) ‖ the first 8 bytes of SHA-256 over both, so that a half-written object shows.
Bytes encode(const Anchor& anchor) {
    WireWriter writer;
    writer.number(anchor.sequence);
    writer.raw(anchor.head);
    const auto check = sha256(writer.buffer());
    writer.raw(ByteView(check).first(kCheckSize));
    return writer.take();
}

std::optional<Anchor> decode(ByteView value) {
    WireReader reader(value);
    Anchor anchor;
    anchor.sequence = reader.number<std::uint64_t>();
    const auto head = reader.raw(anchor.head.size());
    std::ranges::copy(head, anchor.head.begin());
    (void)reader.raw(kCheckSize);
    if (!reader.finished() || !std::ranges::equal(encode(anchor), value)) return std::nullopt;
    return anchor;
}

std::string to_text(const Anchor& anchor) {
    return "sequence " + std::to_string(anchor.sequence) + ", head " + to_hex(anchor.head);
}

Template pattern() {
    Template out;
    out.number(CKA_CLASS, CKO_DATA).flag(CKA_TOKEN, true).text(CKA_LABEL, kLabel);
    return out;
}

}  // namespace

struct Checkpoints::Stored {
    CK_OBJECT_HANDLE handle;
    std::optional<Anchor> anchor;  // nullopt for a damaged object
};

CkResult<std::vector<Checkpoints::Stored>> Checkpoints::find(Session& session) {
    for (int attempt = 1;; ++attempt) {
        auto wanted = pattern();
        SIGNET_ASSIGN(const auto handles, session.find(wanted));
        std::vector<Stored> stored;
        bool vanished = false;
        for (const auto handle : handles) {
            auto read = session.read(handle, {CKA_VALUE});
            if (!read && pkcs11::is_stale_handle(read.error().rv)) {
                vanished = true;
                continue;
            }
            if (!read) return std::unexpected(read.error());
            stored.push_back({handle, decode(read->bytes(CKA_VALUE))});
        }
        // Another worker, in a gentle swap, has put a new one in its place: what is left here would look like none.
        if (!vanished || attempt == kAttempts) return stored;
    }
}

Result<std::optional<Anchor>> Checkpoints::read() {
    const std::lock_guard lock(mutex_);
    return newest();
}

Result<std::optional<Anchor>> Checkpoints::newest() {
    auto stored = context_->with_session([this](Session& session) { return find(session); });
    if (!stored) return std::unexpected(context_->explain(stored.error(), "reading the audit anchor"));
    std::optional<Anchor> newest;
    for (const auto& entry : *stored) {
        if (entry.anchor && (!newest || entry.anchor->sequence > newest->sequence)) newest = entry.anchor;
    }
    // A damaged one beside a good one is what a kill in between leaves, and was never acknowledged. Alone it is an anchor
    // that nobody can read any more, which is not the same as none.
    if (!newest && !stored->empty()) {
        return fail(ErrorCode::conflict,
                    "the token's anchor of the audit chain is damaged" + std::string(kReanchor));
    }
    // Two heads for one sequence: somebody has written into the token who should not.
    for (const auto& entry : *stored) {
        if (entry.anchor && entry.anchor->sequence == newest->sequence &&
            entry.anchor->head != newest->head) {
            return fail(ErrorCode::conflict, "the token holds two different audit anchors for sequence " +
                                                 std::to_string(newest->sequence) + std::string(kReanchor));
        }
    }
    return newest;
}

Status Checkpoints::check_continues(const CheckpointRequest& request, const std::optional<Anchor>& last) {
    const Anchor anchored = last.value_or(Anchor{});
    const auto sequence = std::to_string(request.sequence);
    if (request.sequence <= anchored.sequence) {
        return fail(ErrorCode::token_refused, "the token has anchored the audit chain at sequence " +
                                                  std::to_string(anchored.sequence) + "; a checkpoint for " +
                                                  sequence +
                                                  " is not signed: the database may be an older copy");
    }
    if (request.previous_sequence != anchored.sequence || request.previous_head != anchored.head) {
        const auto holds =
            last ? "the token has anchored another head, at sequence " + std::to_string(anchored.sequence)
                 : std::string("the token holds no anchor");
        return fail(ErrorCode::token_refused, "a checkpoint for " + sequence +
                                                  " of the audit chain is not signed: it should follow " +
                                                  std::to_string(request.previous_sequence) + ", but " +
                                                  holds + std::string(kReanchor));
    }
    if (request.sequence - anchored.sequence > kMaxStep) {
        return fail(ErrorCode::token_refused,
                    "a checkpoint for " + sequence + " of the audit chain is not signed: it is more than " +
                        std::to_string(kMaxStep) + " records after the last one, at " +
                        std::to_string(anchored.sequence) + std::string(kReanchor));
    }
    return {};
}

Result<Bytes> Checkpoints::sign(const CheckpointRequest& request) {
    if (!context_->quirks().data_objects) {
        return fail(
            ErrorCode::unsupported,
            "this kind of token keeps no data objects, so it cannot anchor the audit chain; use another one");
    }
    const std::lock_guard lock(mutex_);
    SIGNET_ASSIGN(const auto last, newest());
    const bool again = last && request.sequence == last->sequence && request.head == last->head;
    if (!again) SIGNET_TRY(check_continues(request, last));

    const auto message = checkpoint_message(request.sequence, request.head);
    SIGNET_ASSIGN(
        auto signature,
        with_token_key(
            *context_, *keys_, request.key, "signing a checkpoint",
            [](const TokenKey& key) { return check_usage(key.usages(), KeyUsage::audit, key.name()); },
            [&](const TokenKey& key) -> CkResult<Bytes> {
                // Usages audit are possible for signing algorithms only, and each has a default.
                const auto algorithm = default_sign_algorithm(key.algorithm()).value_or(SignAlgorithm::es256);
                const auto hash = hash_of(algorithm);
                const auto input = hash ? digest(*hash, message) : message;
                return context_->with_session([&](Session& session) {
                    return token::sign(session, key.handle(), key.algorithm(), algorithm, input);
                });
            }));
    if (!again) SIGNET_TRY(store({request.sequence, request.head}));
    return signature;
}

Result<TokenOperations::Reanchored> Checkpoints::re_anchor(const Anchor& anchor, const std::string& reason) {
    constexpr std::string_view kWhat = "re-anchoring the audit chain";
    if (!context_->quirks().data_objects)
        return fail(ErrorCode::unsupported, "this kind of token keeps no data objects, so it has no anchor");
    if (reason.empty() || reason.size() > kMaxReason)
        return fail(ErrorCode::invalid_argument, "a reason has 1 to 200 bytes");
    const std::lock_guard lock(mutex_);
    auto old = context_->with_session([this](Session& session) { return find(session); });
    if (!old) return std::unexpected(context_->explain(old.error(), kWhat));
    TokenOperations::Reanchored out;
    for (const auto& entry : *old) {
        if (!out.before.empty()) out.before += "; ";
        out.before += entry.anchor ? to_text(*entry.anchor) : "a damaged anchor";
    }
    if (out.before.empty()) out.before = "no anchor";
    out.trace =
        to_rfc3339(SystemClock().now()) + " from " + out.before + " to " + to_text(anchor) + ": " + reason;

    // The trace first: an anchor without one must never be.
    const auto began = std::filesystem::file_time_type::clock::now();
    auto session = context_->writable_session();
    if (!session) return std::unexpected(context_->explain(session.error(), kWhat));
    Template trace;
    trace.number(CKA_CLASS, CKO_DATA).flag(CKA_TOKEN, true).flag(CKA_PRIVATE, true);
    trace.text(CKA_LABEL, kTraceLabel).text(CKA_APPLICATION, kApplication).text(CKA_VALUE, out.trace);
    if (auto created = session->create(trace); !created)
        return std::unexpected(context_->explain(created.error(), kWhat));
    SIGNET_TRY(context_->sync_storage(began));
    SIGNET_TRY(store(anchor));
    return out;
}

Status Checkpoints::store(const Anchor& anchor) {
    constexpr std::string_view kWhat = "anchoring the audit chain";
    // A new object, then the old ones go: a kill in between leaves two, and the higher one counts. Changing the one
    // there is could leave none.
    const auto began = std::filesystem::file_time_type::clock::now();
    auto session = context_->writable_session();
    if (!session) return std::unexpected(context_->explain(session.error(), kWhat));
    auto old = find(*session);
    if (!old) return std::unexpected(context_->explain(old.error(), kWhat));
    auto object = pattern();
    object.flag(CKA_PRIVATE, true).text(CKA_APPLICATION, kApplication);
    object.bytes(CKA_VALUE, encode(anchor));
    if (auto created = session->create(object); !created) {
        return std::unexpected(context_->explain(created.error(), kWhat));
    }
    SIGNET_TRY(context_->sync_storage(began));
    for (const auto& entry : *old)
        (void)session->destroy(entry.handle);
    return {};
}

}  // namespace signet::token
