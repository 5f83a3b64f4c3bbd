#include "daemon/ctl/custody/dialogue.h"

#include <algorithm>
#include <thread>

#include "base/pgp_words.h"
#include "daemon/ctl/ceremony/qr.h"
#include "daemon/ctl/progress.h"
#include "hsm/custody/share_text.h"

namespace signet::ctl {
namespace {

using custody::Ask;

constexpr std::size_t kLine = 1024;

std::size_t count_words(std::string_view text) {
    std::size_t count = 0;
    bool inside = false;
    for (const char c : text) {
        const bool letter = c != ' ' && c != '\t' && c != '-' && c != '\n';
        count += letter && !inside ? 1 : 0;
        inside = letter;
    }
    return count;
}

const custody::SetStatus* set_of(const custody::DeskStatus& status, custody::Purpose purpose) {
    const auto found = std::ranges::find_if(status.sets, [&](const auto& set) {
        return set.purpose == to_string(purpose) && !set.given.empty();
    });
    return found == status.sets.end() ? nullptr : &*found;
}

bool enough(const custody::DeskStatus& status, custody::Purpose purpose) {
    return purpose == custody::Purpose::pin ? !status.locked : status.backup_key;
}

// The three last words, typed back.
Status confirm_share(Terminal& terminal, Output& out, const CustodyClient& client,
                     const std::string& custodian, unsigned number) {
    for (int attempt = 0; attempt < 3; ++attempt) {
        SIGNET_ASSIGN(const auto typed,
                      terminal.ask_secret(custodian + ", the last three words of your share: ", kLine));
        // The words 38 to 40 stand at even, odd, even places, as the first three of any text do not: so one goes before.
        auto text = std::string(pgp_word(0, 0)) + " " + std::string(typed.text());
        const auto bytes = from_pgp_words(text);
        wipe(text);
        custody::Request request{.ask = Ask::confirm, .number = number};
        if (bytes && bytes->size() == 4) request.check = to_bytes(bytes->view().subspan(1));
        const auto confirmed = client.ask(request);
        if (confirmed) return {};
        if (confirmed.error().code != ErrorCode::invalid_argument) return std::unexpected(confirmed.error());
        out.note(confirmed.error().message);
    }
    return fail(ErrorCode::cancelled, custodian + " could not confirm the share; nothing was put into force");
}

}  // namespace

std::string describe(const custody::SetStatus& set) {
    std::string who;
    for (const auto& name : set.given)
        who += (who.empty() ? "" : ", ") + name;
    const auto missing = set.threshold - std::min<std::size_t>(set.threshold, set.given.size());
    return std::to_string(set.given.size()) + " of " + std::to_string(set.threshold) + " shares given" +
           (who.empty() ? "" : " (" + who + ")") + "; " + std::to_string(missing) +
           (missing == 1 ? " is missing" : " are missing");
}

Result<custody::Share> ask_share(Terminal& terminal, std::string_view what) {
    Secret words(std::size_t{4} * kLine);
    std::size_t size = 0;
    std::size_t count = 0;
    auto prompt = std::string(what) + ", 40 words (nothing is shown): ";
    while (count < custody::kShareWords) {
        SIGNET_ASSIGN(const auto line, terminal.ask_secret(prompt, kLine));
        if (line.empty()) break;
        if (size + line.size() + 1 > words.size())
            return fail(ErrorCode::too_large, "that is more than a share");
        std::copy(line.data(), line.data() + line.size(), words.data() + size);
        size += line.size();
        words.data()[size++] = ' ';
        count += count_words(line.text());
        prompt = "  from word " + std::to_string(count + 1) + ": ";
    }
    words.truncate(size);
    return custody::share_from_words(words.text());
}

Result<custody::Answer> deal_shares(Terminal& terminal, Output& out, const CustodyClient& client,
                                    custody::Purpose purpose, unsigned threshold,
                                    const std::vector<std::string>& custodians, bool qr) {
    custody::Request deal{
        .ask = Ask::deal, .purpose = purpose, .number = threshold, .custodians = custodians};
    SIGNET_TRY(client.ask(deal));
    for (unsigned number = 1; number <= custodians.size(); ++number) {
        const auto& custodian = custodians[number - 1];
        out.line("");
        out.line("share " + std::to_string(number) + " of " + std::to_string(custodians.size()) + ", for " +
                 custodian + "; everybody else looks away");
        SIGNET_TRY(terminal.pause(custodian + " is alone at the screen?"));
        SIGNET_ASSIGN(const auto taken, client.ask({.ask = Ask::take, .number = number}));
        auto text = "\n" + custody::to_words(taken.share) + "\n";
        if (qr) {
            auto words = custody::to_words(taken.share);
            SIGNET_ASSIGN(auto code, qr_blocks(words));
            text += "\n" + code;
            wipe(code);
            wipe(words);
        }
        const auto shown = terminal.show_once(text);
        wipe(text);
        SIGNET_TRY(shown);
        SIGNET_TRY(confirm_share(terminal, out, client, custodian, number));
        out.line(custodian + " has share " + std::to_string(number));
    }
    return client.ask({.ask = Ask::finish, .purpose = purpose});
}

Status collect_shares(Terminal& terminal, Output& out, const CustodyClient& client, custody::Purpose purpose,
                      const std::string& header) {
    for (int mistakes = 0; mistakes < 10;) {
        SIGNET_ASSIGN(const auto status, client.status());
        if (enough(status, purpose)) return {};
        if (const auto* set = set_of(status, purpose); set != nullptr) out.note(describe(*set));
        auto share = ask_share(terminal, "the next custodian's share");
        if (!share && share.error().code == ErrorCode::cancelled) return std::unexpected(share.error());
        if (share) {
            const auto given = client.ask(
                {.ask = Ask::give, .purpose = purpose, .header = header, .share = std::move(*share)});
            if (given) continue;
            share = std::unexpected(given.error());
        }
        out.note(share.error().message);
        ++mistakes;
    }
    return fail(ErrorCode::cancelled, "too many wrong shares; nothing more was done");
}

std::function<Result<bool>(const std::filesystem::path&)> unlock_at_terminal(Output& out) {
    return [&out](const std::filesystem::path& token_config) -> Result<bool> {
        const auto socket = custody_socket_of(token_config);
        if (!socket) return false;
        const auto client = CustodyClient::connect(*socket);
        if (!client) return false;  // it does not listen yet
        SIGNET_ASSIGN(const auto status, client->status());
        if (!status.locked) return false;
        Terminal terminal(out);
        out.note("the token waits for its custodians");
        SIGNET_TRY(collect_shares(terminal, out, *client, custody::Purpose::pin, {}));
        return true;
    };
}

Status await_pin_change(Output& out, const CustodyClient& client) {
    const Progress progress(out, "changing the PIN");
    for (;;) {
        SIGNET_ASSIGN(const auto status, client.status());
        if (!status.changing) {
            if (status.last == "ok") return {};
            return fail(ErrorCode::token_refused, "the PIN was not changed: " + status.last);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

}  // namespace signet::ctl
