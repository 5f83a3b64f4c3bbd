#include "hsm/token/credentials.h"

#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"

namespace signet::token {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kLongestPin = 256;
constexpr std::string_view kCurrent = "current";
constexpr std::string_view kNext = "next";

fs::path next_to(fs::path file) {
    file += ".next";
    return file;
}

bool is_there(const fs::path& file) {
    std::error_code ignored;
    return !file.empty() && fs::exists(file, ignored);
}

Status rename_durably(const fs::path& from, const fs::path& to) {
    // The content is on disk already; written once more beside its place, so that the rename is too.
    SIGNET_ASSIGN(const auto content, read_secret_file(from, std::size_t{64} << 10));
    SIGNET_TRY(write_file_atomic(to, content.view(), 0600));
    (void)unlink(from.c_str());
    return {};
}

}  // namespace

Status Credentials::add(std::string name, const fs::path& file, bool shares) {
    Candidate out;
    out.name = std::move(name);
    out.file = file;
    if (shares) {
        SIGNET_ASSIGN(const auto text, read_file(file, std::size_t{64} << 10));
        SIGNET_ASSIGN(out.sealed, custody::parse_sealed_pins(text, file.string()));
    } else if (file.empty()) {
        SIGNET_ASSIGN(out.pins.pin, read_pin(config_));
    } else {
        SIGNET_ASSIGN(out.pins.pin, read_secret_file(file, kLongestPin));
    }
    if (!shares && is_there(config_.so_pin_file)) {
        SIGNET_ASSIGN(out.pins.so_pin, read_secret_file(config_.so_pin_file, kLongestPin));
    }
    candidates_.push_back(std::move(out));
    return {};
}

Result<Credentials> Credentials::load(const TokenConfig& config) {
    Credentials out(config);
    const bool shared = is_there(config.pin_shares);
    if (shared)
        SIGNET_TRY(out.add(std::string(kCurrent), config.pin_shares, true));
    else if (config.pin_file.empty() && config.pin_credential.empty())
        return fail(ErrorCode::failed_precondition, "the custodians' shares are to open the PIN, and " +
                                                        config.pin_shares.string() +
                                                        " is not there; restore it from a backup");
    else
        SIGNET_TRY(out.add(std::string(kCurrent), config.pin_file, false));
    if (!config.pin_shares.empty() && is_there(next_to(config.pin_shares)))
        SIGNET_TRY(out.add(std::string(kNext), next_to(config.pin_shares), true));
    if (!shared && !config.pin_file.empty() && is_there(next_to(config.pin_file)))
        SIGNET_TRY(out.add(std::string(kNext), next_to(config.pin_file), false));
    const auto tried = read_file(out.tried_file(), 256);
    if (tried && out.candidates_.size() > 1) {
        for (auto& candidate : out.candidates_)
            candidate.tried = tried->find(candidate.name) != std::string::npos;
    }
    return out;
}

const Credentials::Candidate* Credentials::candidate() const {
    const auto found = std::ranges::find_if(
        candidates_, [](const Candidate& one) { return !one.tried && !one.pins.pin.empty(); });
    return found == candidates_.end() ? nullptr : &*found;
}

Credentials::Candidate* Credentials::candidate() {
    return const_cast<Candidate*>(std::as_const(*this).candidate());
}

const Secret* Credentials::pin() const {
    const auto* chosen = candidate();
    return chosen == nullptr ? nullptr : &chosen->pins.pin;
}

bool Credentials::is_last() const {
    return std::ranges::count_if(candidates_, [](const Candidate& one) { return !one.tried; }) <= 1;
}

Status Credentials::note_try() {
    if (candidates_.size() < 2) return {};
    std::string text;
    for (const auto& one : candidates_) {
        if (one.tried || &one == candidate()) text += one.name + "\n";
    }
    return write_file_atomic(tried_file(), as_bytes(text), 0600);
}

bool Credentials::refused() {
    if (auto* chosen = candidate(); chosen != nullptr) chosen->tried = true;
    return std::ranges::any_of(candidates_, [](const Candidate& one) { return !one.tried; });
}

Status Credentials::put_in_force(Candidate& chosen) {
    if (chosen.name == kCurrent) {
        // The token never took the next one. Its SO PIN it may have taken: the file stays, under another name.
        for (const auto& file : {config_.pin_shares, config_.pin_file}) {
            if (!is_there(next_to(file))) continue;
            auto aside = file;
            aside += ".superseded";
            log::warning("token.pin.superseded",
                         "an interrupted PIN change had no effect; its credential was set aside",
                         {{"file", aside.string()}});
            SIGNET_TRY(rename_durably(next_to(file), aside));
        }
    } else {
        const auto place = chosen.sealed ? config_.pin_shares : config_.pin_file;
        SIGNET_TRY(rename_durably(chosen.file, place));
        chosen.file = place;
        if (chosen.sealed) {
            // What these hold opens nothing any more.
            if (!config_.pin_file.empty()) (void)unlink(config_.pin_file.c_str());
            if (!config_.so_pin_file.empty() && !chosen.pins.so_pin.empty())
                (void)unlink(config_.so_pin_file.c_str());
        }
    }
    chosen.name = kCurrent;
    chosen.tried = false;
    auto kept = chosen.copy();
    candidates_.clear();
    candidates_.push_back(std::move(kept));
    (void)unlink(tried_file().c_str());
    return {};
}

Status Credentials::accepted() {
    auto* const chosen = candidate();
    if (chosen == nullptr || candidates_.size() < 2) return {};
    return put_in_force(*chosen);
}

bool Credentials::in_shares() const {
    return candidates_.front().sealed.has_value();
}

std::vector<custody::ShareSet> Credentials::sets() const {
    std::vector<custody::ShareSet> out;
    for (const auto& one : candidates_) {
        if (one.sealed && !one.tried) out.push_back(one.sealed->set);
    }
    return out;
}

Status Credentials::open(const custody::ShareSet& set, const Secret& key) {
    for (auto& one : candidates_) {
        if (!one.sealed || one.sealed->set.id != set.id) continue;
        SIGNET_ASSIGN(one.pins, custody::unseal(*one.sealed, key));
        return {};
    }
    return fail(ErrorCode::not_found, "the shares are of a set that opens nothing here");
}

Result<custody::Pins> Credentials::in_force() const {
    const auto* chosen = candidate();
    if (chosen == nullptr || candidates_.size() > 1)
        return fail(ErrorCode::failed_precondition,
                    "the PIN in force is not known yet: first the token must be open");
    return chosen->pins.clone();
}

Status Credentials::write_next(const custody::Pins& pins, const custody::ShareSet* set, const Secret* key) {
    Candidate next;
    next.name = kNext;
    next.pins = pins.clone();
    if (set != nullptr) {
        if (config_.pin_shares.empty())
            return fail(ErrorCode::failed_precondition,
                        "token.yaml names no file for shares; add pin_shares to it");
        SIGNET_ASSIGN(next.sealed, custody::seal(*set, *key, pins));
        next.file = next_to(config_.pin_shares);
        SIGNET_TRY(write_file_atomic(next.file, as_bytes(custody::to_text(*next.sealed)), 0600));
    } else {
        if (in_shares() || config_.pin_file.empty())
            return fail(
                ErrorCode::failed_precondition,
                in_shares()
                    ? "the PIN is in custodians' shares: share it anew instead (signetctl custody share)"
                    : "the PIN is a systemd credential: encrypt a new one with systemd-creds, change the "
                      "PIN with your token's own tool, and restart signetd-token");
        next.file = next_to(config_.pin_file);
        SIGNET_TRY(write_file_atomic(next.file, pins.pin.view(), 0600));
    }
    next_ = std::move(next);
    return {};
}

void Credentials::drop_next() {
    if (!next_) return;
    (void)unlink(next_->file.c_str());
    next_.reset();
}

Status Credentials::promote_next() {
    if (!next_) return fail(ErrorCode::internal, "there is no next credential");
    candidates_.push_back(std::move(*next_));
    next_.reset();
    return put_in_force(candidates_.back());
}

void Credentials::keep_both() {
    if (next_) candidates_.push_back(std::move(*next_));
    next_.reset();
}

}  // namespace signet::token
