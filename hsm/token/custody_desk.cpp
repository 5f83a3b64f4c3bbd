#include "hsm/token/custody_desk.h"

#include <sys/socket.h>

#include <algorithm>

#include "base/encoding.h"
#include "base/log.h"
#include "hsm/custody/share_text.h"

namespace signet::token {
namespace {

constexpr std::size_t kMostConnections = 16;

std::unexpected<Error> refused(ErrorCode code, std::string message) {
    return fail(code, std::move(message));
}

}  // namespace

struct CustodyDesk::Connection {
    UniqueFd fd;
    Secret input{4 + custody::kMaxMessage};
    std::size_t filled = 0;
    bool over = false;
};

CustodyDesk::CustodyDesk(CustodyHost& host, TokenSocket socket, std::chrono::milliseconds time)
    : host_(host), socket_(std::move(socket)), time_(time) {}
CustodyDesk::~CustodyDesk() = default;

void CustodyDesk::add_to_poll(std::vector<pollfd>& polled) const {
    polled.push_back({socket_.fd(), POLLIN, 0});
    for (const auto& connection : connections_)
        polled.push_back({connection->fd.get(), POLLIN, 0});
}

void CustodyDesk::handle(std::span<const pollfd> polled, SteadyTime now) {
    for (std::size_t i = 1; i < polled.size() && i - 1 < connections_.size(); ++i) {
        if (polled[i].revents != 0) connections_[i - 1]->over = !serve(*connections_[i - 1], now);
    }
    std::erase_if(connections_, [](const auto& connection) { return connection->over; });
    if (!polled.empty() && polled.front().revents != 0) {
        while (auto accepted = socket_.accept()) {
            if (!accepted->allowed || connections_.size() >= kMostConnections) {
                log::warning("token.custody.refused", "a connection to the custodians' socket was refused",
                             {{"uid", std::to_string(accepted->uid)}});
                continue;
            }
            connections_.push_back(std::make_unique<Connection>());
            connections_.back()->fd = std::move(accepted->fd);
        }
    }
    if (forget_at_ && now >= *forget_at_) {
        log::info("token.custody.forgotten", "shares that were given are forgotten: their time is over");
        forget();
    }
}

// False ends the connection.
bool CustodyDesk::serve(Connection& connection, SteadyTime now) {
    auto& input = connection.input;
    const auto size =
        recv(connection.fd.get(), input.data() + connection.filled, input.size() - connection.filled, 0);
    if (size <= 0) return size < 0 && (errno == EAGAIN || errno == EINTR);
    connection.filled += static_cast<std::size_t>(size);
    if (connection.filled < 4) return true;
    const auto* bytes = input.data();
    const std::size_t length = std::size_t{bytes[0]} << 24 | std::size_t{bytes[1]} << 16 |
                               std::size_t{bytes[2]} << 8 | std::size_t{bytes[3]};
    if (length > custody::kMaxMessage) return false;
    if (connection.filled < 4 + length) return true;
    if (connection.filled > 4 + length) return false;  // one request, one answer
    const auto request = custody::decode_request(input.view().subspan(4, length));
    wipe(input.data(), connection.filled);
    connection.filled = 0;
    auto encoded = custody::encode(request ? answer(*request, now)
                                           : Result<custody::Answer>(std::unexpected(request.error())));
    Bytes message{static_cast<std::uint8_t>(encoded.size() >> 24),
                  static_cast<std::uint8_t>(encoded.size() >> 16),
                  static_cast<std::uint8_t>(encoded.size() >> 8), static_cast<std::uint8_t>(encoded.size())};
    message.insert(message.end(), encoded.begin(), encoded.end());
    // Far below what a socket takes at once: a peer that does not read its answers loses the connection.
    const auto sent = send(connection.fd.get(), message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    wipe(encoded);
    wipe(message);
    return sent == static_cast<ssize_t>(4 + encoded.size());
}

Result<custody::Answer> CustodyDesk::answer(const custody::Request& request, SteadyTime now) {
    using custody::Ask;
    custody::Answer out;
    switch (request.ask) {
        case Ask::status:
            break;
        case Ask::give:
            SIGNET_TRY(give(request, now));
            break;
        case Ask::forget:
            forget();
            break;
        case Ask::deal:
            SIGNET_TRY(deal(request));
            forget_at_ = now + time_;
            break;
        case Ask::take: {
            SIGNET_ASSIGN(out.share, take(request.number));
            break;
        }
        case Ask::confirm:
            SIGNET_TRY(confirm(request));
            break;
        case Ask::finish: {
            SIGNET_ASSIGN(out.text, finish(now));
            break;
        }
        case Ask::change_pin:
            SIGNET_TRY(host_.change_pin());
            break;
    }
    out.status = status();
    return out;
}

// The set that a share is checked against: the one it names where that may be used, else any, whose error names both.
Result<custody::ShareSet> CustodyDesk::set_for(const custody::Request& request) const {
    std::vector<custody::ShareSet> sets;
    if (request.purpose == custody::Purpose::pin) {
        sets = host_.pin_sets();
    } else if (!request.header.empty()) {
        SIGNET_ASSIGN(auto set, custody::parse_share_set(request.header, "the backup's header"));
        sets.push_back(std::move(set));
    } else if (const auto kept = host_.backup_set()) {
        sets.push_back(*kept);
    }
    std::erase_if(sets, [&](const auto& set) { return set.purpose != request.purpose; });
    if (sets.empty())
        return refused(ErrorCode::failed_precondition,
                       request.purpose == custody::Purpose::pin
                           ? "the PIN of this token is not in shares"
                           : "no set of shares of a backup key is known here; name the backup it belongs to");
    const auto found = std::ranges::find(sets, request.share.set, &custody::ShareSet::id);
    return found == sets.end() ? sets.front() : *found;
}

Status CustodyDesk::give(const custody::Request& request, SteadyTime now) {
    SIGNET_ASSIGN(const auto set, set_for(request));
    SIGNET_ASSIGN(const auto custodian, set.check(request.share));
    auto found = std::ranges::find_if(collected_, [&](const Collected& one) { return one.set.id == set.id; });
    if (found == collected_.end()) found = collected_.insert(collected_.end(), {set, {}});
    if (std::ranges::any_of(found->shares,
                            [&](const auto& one) { return one.number == request.share.number; }))
        return refused(ErrorCode::already_exists, "share " + std::to_string(request.share.number) + " (" +
                                                      custodian +
                                                      ") was given already; another custodian's is needed");
    found->shares.push_back(request.share.clone());
    forget_at_ = now + time_;
    log::info("token.custody.share", "a custodian gave a share",
              {{"purpose", std::string(to_string(set.purpose))},
               {"custodian", custodian},
               {"set", to_hex(set.id)},
               {"missing", std::to_string(set.threshold - found->shares.size())}});
    if (found->shares.size() < set.threshold) return {};
    const auto key = custody::combine(found->set, found->shares);
    collected_.erase(found);
    if (!key) return std::unexpected(key.error());
    if (set.purpose == custody::Purpose::backup) {
        host_.use_backup_key(*key);
        backup_key_ = true;
        return {};
    }
    SIGNET_TRY(host_.open_pin(set, *key));
    authorised_ = true;
    return {};
}

Status CustodyDesk::deal(const custody::Request& request) {
    if (request.purpose == custody::Purpose::pin && host_.pin_in_shares() && !authorised_)
        return refused(
            ErrorCode::failed_precondition,
            "first the custodians of the present set give their shares (signetctl unlock): they decide");
    if (host_.desk_status().locked)
        return refused(ErrorCode::failed_precondition, "the token waits for its custodians; open it first");
    auto key = custody::new_key();
    SIGNET_ASSIGN(auto dealt, custody::deal(request.purpose, key, request.number, request.custodians));
    std::vector<bool> confirmed(dealt.shares.size(), false);
    dealing_ = Dealing{std::move(dealt), std::move(key), std::move(confirmed)};
    return {};
}

Result<custody::Share> CustodyDesk::take(std::uint32_t number) const {
    if (!dealing_) return refused(ErrorCode::failed_precondition, "no shares are being dealt");
    if (number == 0 || number > dealing_->dealt.shares.size())
        return refused(ErrorCode::not_found, "there is no share of that number");
    if (dealing_->confirmed[number - 1])
        return refused(ErrorCode::conflict,
                       "that share was handed over already, and is shown to nobody again");
    return dealing_->dealt.shares[number - 1].clone();
}

Status CustodyDesk::confirm(const custody::Request& request) {
    if (!dealing_) return refused(ErrorCode::failed_precondition, "no shares are being dealt");
    if (request.number == 0 || request.number > dealing_->dealt.shares.size())
        return refused(ErrorCode::not_found, "there is no share of that number");
    auto& share = dealing_->dealt.shares[request.number - 1];
    if (dealing_->confirmed[request.number - 1]) return {};
    if (!equal_constant_time(custody::share_checksum(share), request.check))
        return refused(ErrorCode::invalid_argument, "these are not the last three words of that share");
    dealing_->confirmed[request.number - 1] = true;
    share.value.clear();
    return {};
}

Result<std::string> CustodyDesk::finish(SteadyTime now) {
    if (!dealing_) return refused(ErrorCode::failed_precondition, "no shares are being dealt");
    if (std::ranges::find(dealing_->confirmed, false) != dealing_->confirmed.end())
        return refused(ErrorCode::failed_precondition, "not every custodian has confirmed their share");
    const auto dealing = std::move(*dealing_);
    dealing_.reset();
    const auto& set = dealing.dealt.set;
    log::info("token.custody.dealt", "a new set of shares was dealt",
              {{"purpose", std::string(to_string(set.purpose))},
               {"set", to_hex(set.id)},
               {"threshold", std::to_string(set.threshold)},
               {"shares", std::to_string(set.hashes.size())}});
    if (set.purpose == custody::Purpose::pin) {
        authorised_ = false;
        SIGNET_TRY(host_.share_pin(set, dealing.key));
        return std::string();
    }
    SIGNET_TRY(host_.keep_backup_set(set));
    host_.use_backup_key(dealing.key);
    backup_key_ = true;
    forget_at_ = now + time_;
    return custody::to_text(set);
}

void CustodyDesk::forget() {
    collected_.clear();
    dealing_.reset();
    authorised_ = false;
    if (backup_key_) host_.use_backup_key(Secret());
    backup_key_ = false;
    forget_at_.reset();
}

custody::DeskStatus CustodyDesk::status() const {
    auto out = host_.desk_status();
    out.backup_key = backup_key_;
    const auto add = [&](const custody::ShareSet& set) {
        custody::SetStatus one{
            std::string(to_string(set.purpose)), to_hex(set.id), set.threshold, set.custodians, {}};
        for (const auto& collected : collected_) {
            if (collected.set.id != set.id) continue;
            for (const auto& share : collected.shares)
                one.given.push_back(set.custodians[share.number - 1U]);
        }
        out.sets.push_back(std::move(one));
    };
    for (const auto& set : host_.pin_sets())
        add(set);
    const auto backup = host_.backup_set();
    if (backup) add(*backup);
    for (const auto& collected : collected_) {
        if (collected.set.purpose == custody::Purpose::backup && (!backup || backup->id != collected.set.id))
            add(collected.set);
    }
    if (dealing_) {
        for (std::size_t i = 0; i < dealing_->confirmed.size(); ++i) {
            if (!dealing_->confirmed[i]) out.undealt.push_back(dealing_->dealt.set.custodians[i]);
        }
    }
    return out;
}

}  // namespace signet::token
