#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "base/file.h"
#include "daemon/ctl/ceremony/commands.h"
#include "daemon/ctl/context.h"
#include "daemon/ctl/custody/dialogue.h"
#include "hsm/custody/share_text.h"

namespace signet::ctl {
namespace {

namespace json = boost::json;

Result<CustodyClient> connect(Context& context, const Arguments& arguments) {
    if (arguments.has("--custody-socket")) return CustodyClient::connect(arguments.text("--custody-socket"));
    SIGNET_ASSIGN(const auto* config, context.config());
    const auto file =
        config->token.config.empty() ? config->file.parent_path() / "token.yaml" : config->token.config;
    SIGNET_ASSIGN(const auto socket, custody_socket_of(file));
    return CustodyClient::connect(socket);
}

json::value to_json(const custody::DeskStatus& status) {
    const auto names = [](const std::vector<std::string>& list) {
        json::array out;
        for (const auto& name : list)
            out.emplace_back(name);
        return out;
    };
    json::array sets;
    for (const auto& set : status.sets)
        sets.push_back(json::object{{"purpose", set.purpose},
                                    {"set", set.set},
                                    {"threshold", set.threshold},
                                    {"custodians", names(set.custodians)},
                                    {"given", names(set.given)}});
    return json::object{{"locked", status.locked},         {"changing", status.changing},
                        {"backup_key", status.backup_key}, {"last_change", status.last},
                        {"sets", std::move(sets)},         {"undealt", names(status.undealt)}};
}

void show(Context& context, const custody::DeskStatus& status) {
    auto& out = context.out();
    out.line(status.locked     ? "the token waits for its custodians"
             : status.changing ? "the PIN is being changed"
                               : "the token is open");
    for (const auto& set : status.sets)
        out.line((set.purpose == "pin" ? "PIN, set " : "backup key, set ") + set.set + ": " +
                 std::to_string(set.threshold) + " of " + std::to_string(set.custodians.size()) + "; " +
                 describe(set));
    if (status.backup_key) out.line("the worker has the backup key");
    if (!status.last.empty() && status.last != "ok") out.line("the last PIN change: " + status.last);
    out.document(to_json(status));
}

Outcome unlock(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto client, connect(context, arguments));
    const auto purpose = arguments.has("--backup") ? custody::Purpose::backup : custody::Purpose::pin;
    std::string header;
    if (arguments.has("--header")) {
        SIGNET_ASSIGN(header, read_file(arguments.text("--header"), std::size_t{64} << 10));
    }
    Terminal terminal(context.out());
    Result<custody::Share> share = std::unexpected(Error{});
    if (arguments.has("--share-file")) {
        SIGNET_ASSIGN(const auto words, read_secret_file(arguments.text("--share-file")));
        share = custody::share_from_words(words.text());
    } else {
        share = ask_share(terminal, "your share");
    }
    if (!share) return std::unexpected(share.error());
    SIGNET_ASSIGN(
        const auto answer,
        client.ask(
            {.ask = custody::Ask::give, .purpose = purpose, .header = header, .share = std::move(*share)}));
    context.out().line("thank you");
    show(context, answer.status);
    return ExitCode::ok;
}

Outcome status(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto client, connect(context, arguments));
    SIGNET_ASSIGN(const auto status, client.status());
    show(context, status);
    return ExitCode::ok;
}

Outcome forget(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto client, connect(context, arguments));
    SIGNET_ASSIGN(const auto answer, client.ask({.ask = custody::Ask::forget}));
    context.out().line("shares given so far, and the backup key, are forgotten");
    context.out().document(to_json(answer.status));
    return ExitCode::ok;
}

Result<unsigned> threshold_of(const Arguments& arguments) {
    SIGNET_ASSIGN(const auto threshold, arguments.number("--threshold", 0, 2, custody::kMostShares));
    return static_cast<unsigned>(threshold);
}

Outcome share(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto terminal, Terminal::open(context.out()));
    SIGNET_ASSIGN(const auto client, connect(context, arguments));
    SIGNET_ASSIGN(const auto threshold, threshold_of(arguments));
    const auto custodians = arguments.all("--custodian");
    auto& out = context.out();
    out.line("a new key, a new PIN and a new SO PIN are made, and sealed by the shares of these custodians.");
    out.line(
        "No custodian can be taken out of a set: what replaces it is a new set, a new key and a new PIN. "
        "With the end");
    out.line("of this, shares of the former set open nothing any more; collect and destroy them.");
    SIGNET_TRY(deal_shares(terminal, out, client, custody::Purpose::pin, threshold, custodians,
                           arguments.has("--qr")));
    SIGNET_TRY(await_pin_change(out, client));
    out.line("PIN and SO PIN are in the custodians' shares: " + std::to_string(threshold) + " of " +
             std::to_string(custodians.size()) + " open the token at its next start (signetctl unlock)");
    return ExitCode::ok;
}

Outcome backup_key(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(auto terminal, Terminal::open(context.out()));
    SIGNET_ASSIGN(const auto client, connect(context, arguments));
    SIGNET_ASSIGN(const auto threshold, threshold_of(arguments));
    auto& out = context.out();
    out.line(
        "a new backup key is made. Backups under the former one still need the shares of the former set: "
        "keep them.");
    SIGNET_ASSIGN(const auto answer, deal_shares(terminal, out, client, custody::Purpose::backup, threshold,
                                                 arguments.all("--custodian"), arguments.has("--qr")));
    (void)answer;
    out.line(
        "the backup key exists in the custodians' shares alone; make a backup: signetctl backup make DIR");
    return ExitCode::ok;
}

Outcome change_pin(Context& context, const Arguments& arguments) {
    SIGNET_ASSIGN(const auto client, connect(context, arguments));
    SIGNET_TRY(client.ask({.ask = custody::Ask::change_pin}));
    SIGNET_TRY(await_pin_change(context.out(), client));
    context.out().line("the token has a new PIN, and its file too");
    context.out().document(json::object{{"changed", true}});
    return ExitCode::ok;
}

}  // namespace

std::vector<Command> custody_commands() {
    const Option socket{"--custody-socket", "PATH", "the custodians' socket (default: by token.yaml)",
                        Value::file};
    const Option threshold{"--threshold", "M", "how many shares are needed", Value::number, true};
    const Option custodian{"--custodian", "NAME", "who gets a share; two or more times",
                           Value::text,   true,   true};
    const Option qr{"--qr", "", "show each share as a QR code too"};
    return {
        {"",
         "unlock",
         "give a custodian's share to the token process",
         {},
         {{"--backup", "", "for the backup key instead of the PIN"},
          {"--header", "FILE", "with --backup: backup-shares.yaml of the backup", Value::file},
          {"--share-file", "FILE", "read the words from this private file", Value::file},
          socket},
         unlock},
        {"custody",
         "status",
         "whether the token is open, and which shares are missing",
         {},
         {socket},
         status},
        {"custody",
         "share",
         "a new PIN and SO PIN in M-of-N shares; also takes a custodian out of service",
         {},
         {threshold, custodian, qr, socket},
         share},
        {"custody",
         "backup-key",
         "a new backup key in M-of-N shares",
         {},
         {threshold, custodian, qr, socket},
         backup_key},
        {"custody",
         "change-pin",
         "a new random PIN in the PIN's file, while the token serves",
         {},
         {socket},
         change_pin},
        {"custody", "forget", "forget the shares given so far, and the backup key", {}, {socket}, forget},
    };
}

}  // namespace signet::ctl
