// Both configurations are flattened to "dotted.name -> value" and compared: one place lists every setting.
#include <map>

#include "daemon/config/config.h"

namespace signet::config {
namespace {

using Settings = std::map<std::string, std::string>;

template <class List>
std::string join(const List& items) {
    std::string out = "[";
    for (const auto& item : items) {
        if (out.size() > 1) out += ", ";
        if constexpr (requires { item.string(); })
            out += item.string();
        else if constexpr (std::is_same_v<std::decay_t<decltype(item)>, KeyAlgorithm>)
            out += to_string(item);
        else
            out += item;
    }
    return out + "]";
}

std::string ms(milliseconds value) {
    return std::to_string(value.count()) + "ms";
}

void flatten(Settings& out, const Listener& listener) {
    const auto name = "listeners." + listener.name;
    out[name] = listener.unix_path.empty() ? listener.host + ":" + std::to_string(listener.port)
                                           : listener.unix_path.string();
    out[name + ".mode"] = std::to_string(listener.mode);
    out[name + ".surface"] = listener.admin ? "admin" : "api";
    out[name + ".permits"] = listener.anonymous ? join(listener.permits) : "none";
    if (!listener.tls) return;
    out[name + ".tls.key"] = listener.tls->key;
    out[name + ".tls.certificate"] = listener.tls->certificate.string();
    out[name + ".tls.client_ca"] = listener.tls->client_ca.string();
    out[name + ".tls.client_certificate"] =
        std::to_string(static_cast<int>(listener.tls->client_certificates));
    out[name + ".tls.minimum"] = listener.tls->allow_tls12 ? "1.2" : "1.3";
}

void flatten(Settings& out, const CertificateAuthority& authority) {
    const auto name = "ca." + authority.label;
    out[name + ".certificate"] = join(authority.certificates);
    for (const auto& [profile_name, profile] : authority.profiles) {
        const auto p = name + ".profiles." + profile_name;
        out[p + ".validity"] = std::to_string(profile.validity.count()) + "s";
        out[p + ".key_types"] = join(profile.key_types);
        for (const auto& subject : profile.subject)
            out[p + ".subject." + subject.attribute] =
                subject.pattern + (subject.required ? " (required)" : "");
        for (const auto& [kind, patterns] : profile.alternative_names)
            out[p + ".alternative_names." + kind] = join(patterns);
        out[p + ".key_usage"] = join(profile.key_usage);
        out[p + ".extended_key_usage"] = join(profile.extended_key_usage);
        out[p + ".policies"] = join(profile.policies);
        out[p + ".crl_url"] = profile.crl_url;
        out[p + ".ocsp_url"] = profile.ocsp_url;
        out[p + ".issuer_url"] = profile.issuer_url;
    }
    out[name + ".crl.validity"] = ms(authority.crl.validity);
    out[name + ".crl.interval"] = ms(authority.crl.interval);
    out[name + ".crl.alarm"] = ms(authority.crl.alarm);
    out[name + ".crl.file"] = authority.crl.file.string();
    out[name + ".ocsp.key"] = authority.ocsp.key;
    out[name + ".ocsp.certificate"] = join(authority.ocsp.certificates);
    out[name + ".ocsp.validity"] = ms(authority.ocsp.validity);
}

void flatten(Settings& out, const Outbound& outbound) {
    const auto name = "outbound." + outbound.name;
    out[name + ".trust"] = join(outbound.trust);
    out[name + ".system_trust"] = outbound.system_trust ? "true" : "false";
    out[name + ".client.key"] = outbound.client_key;
    out[name + ".client.certificate"] = outbound.client_certificate.string();
    out[name + ".proxy"] =
        outbound.proxy_host.empty() ? "" : outbound.proxy_host + ":" + std::to_string(outbound.proxy_port);
    out[name + ".plain_http"] = outbound.plain_http ? "true" : "false";
    out[name + ".private_addresses"] = std::to_string(outbound.private_addresses.size());
    out[name + ".connect_time"] = ms(outbound.connect_time);
    out[name + ".request_time"] = ms(outbound.request_time);
}

void flatten(Settings& out, const Mpoc& mpoc) {
    out["mpoc.ca"] = mpoc.ca;
    out["mpoc.profiles"] = mpoc.kek_profile + ", " + mpoc.sign_profile;
    out["mpoc.api_keys"] = mpoc.api_keys;
    out["mpoc.key_type"] = to_string(mpoc.key_type);
    out["mpoc.attestations"] = ms(mpoc.attestations);
}

void flatten(Settings& out, const Mosip& mosip) {
    out["mosip.env"] = mosip.env;
    out["mosip.mms"] = mosip.mms.key + ", " + mosip.mms.certificate.string();
    out["mosip.ca"] = mosip.ca;
    out["mosip.profile"] = mosip.profile;
    out["mosip.clock_window"] = ms(mosip.clock_window);
    out["mosip.registration.mode"] = mosip.forward ? "forward" : "local";
    out["mosip.registration.provider"] = mosip.provider.key + ", " + mosip.provider.certificate.string();
    out["mosip.registration.url"] = mosip.url;
    out["mosip.registration.wait"] = ms(mosip.wait);
}

void flatten(Settings& out, const Momo& momo) {
    out["momo.sandbox"] = momo.sandbox ? "true" : "false";
    out["momo.target_environment"] = momo.target_environment;
    out["momo.issuer"] = momo.issuer;
    out["momo.keys.token"] = momo.token_key;
    out["momo.keys.mac"] = momo.mac_key;
    out["momo.token_lifetime"] = ms(momo.token_lifetime);
    out["momo.balance.available"] = momo.balance;
    out["momo.balance.currency"] = momo.currency;
    out["momo.failures.per_caller"] = std::to_string(momo.failures_per_caller);
    out["momo.failures.per_account"] = std::to_string(momo.failures_per_account);
}

void flatten(Settings& out, const Mypos& mypos) {
    out["mypos.ca"] = mypos.ca;
    out["mypos.profile"] = mypos.profile;
    out["mypos.longer_keys"] = mypos.longer_keys ? "true" : "false";
    out["mypos.packs"] = mypos.packs ? "true" : "false";
    out["mypos.failures.per_caller"] = std::to_string(mypos.failures_per_caller);
    out["mypos.failures.per_store"] = std::to_string(mypos.failures_per_store);
}

void flatten(Settings& out, const PayControl& paycontrol) {
    const auto flag = [](bool value) { return value ? "true" : "false"; };
    out["paycontrol.instance"] = paycontrol.instance;
    out["paycontrol.seller_key"] = paycontrol.seller_key;
    out["paycontrol.seller_public_key"] = paycontrol.seller_public_key.string();
    out["paycontrol.default_type"] = std::to_string(paycontrol.default_type);
    out["paycontrol.default_ttl"] = std::to_string(paycontrol.default_ttl.count()) + "s";
    out["paycontrol.confirm_interval"] = std::to_string(paycontrol.confirm_interval.count()) + "s";
    out["paycontrol.auth_interval"] = std::to_string(paycontrol.auth_interval.count()) + "s";
    out["paycontrol.key_lifetime"] = std::to_string(paycontrol.key_lifetime);
    out["paycontrol.clear_keys"] = flag(paycontrol.clear_keys);
    out["paycontrol.clean_confirmed"] = flag(paycontrol.clean_confirmed);
    out["paycontrol.attempts"] = std::to_string(paycontrol.attempts);
    out["paycontrol.collect_events"] = flag(paycontrol.collect_events);
    out["paycontrol.clean_events"] = flag(paycontrol.clean_events);
    out["paycontrol.events_retention"] = ms(paycontrol.events_retention);
    out["paycontrol.transactions_retention"] = ms(paycontrol.transactions_retention);
    out["paycontrol.external_methods"] = join(paycontrol.external_methods);
    out["paycontrol.backend_check_url"] = paycontrol.backend_check_url;
    out["paycontrol.pusher"] = paycontrol.pusher;
    out["paycontrol.signer_url"] = paycontrol.signer_url;
    out["paycontrol.callback_key"] = paycontrol.callback_key;
    out["paycontrol.gost_imit"] = flag(paycontrol.gost_imit);
}

// What is fixed once the process runs: files and sockets that are open, pools that are sized.
Settings fixed_settings(const Config& config) {
    Settings out;
    out["database"] = config.database.string();
    out["token.socket"] = config.token.socket.string();
    out["token.config"] = config.token.config.string();
    out["limits.workers"] = std::to_string(config.limits.workers);
    out["limits.queue"] = std::to_string(config.limits.queue);
    out["limits.connections"] = std::to_string(config.limits.connections);
    out["limits.header"] = std::to_string(config.limits.header);
    out["limits.body"] = std::to_string(config.limits.body);
    out["limits.request_time"] = ms(config.limits.request_time);
    out["limits.idle_time"] = ms(config.limits.idle_time);
    out["limits.drain_time"] = ms(config.limits.drain_time);
    out["keys.wrap"] = config.keys.wrap;
    out["keys.bind"] = config.keys.bind;
    out["keys.seal"] = config.keys.seal;
    out["audit.key"] = config.audit.key;
    // A family's rows are made at the start.
    out["mpoc"] = config.mpoc ? "on" : "off";
    out["mosip"] = config.mosip ? "on" : "off";
    // Routes are made at the start.
    out["momo"] = config.momo ? "configured" : "no";
    out["mypos"] = config.mypos ? "configured" : "no";
    for (const auto& listener : config.listeners) {
        flatten(out, listener);
        // The TLS contexts are made anew on reload; whether a listener speaks TLS at all is fixed.
        out["listeners." + listener.name + ".tls"] = listener.tls ? "yes" : "no";
        std::erase_if(out, [](const auto& entry) { return entry.first.find(".tls.") != std::string::npos; });
    }
    return out;
}

Settings all_settings(const Config& config) {
    auto out = fixed_settings(config);
    for (const auto& listener : config.listeners)
        flatten(out, listener);
    out["policy"] = config.policy.string();
    out["log"] = config.log_level;
    out["audit.checkpoint_every"] = std::to_string(config.audit.checkpoint_every);
    out["audit.checkpoint_interval"] = ms(config.audit.checkpoint_interval);
    out["audit.retention"] = ms(config.audit.retention);
    out["audit.archive"] = config.audit.archive.string();
    out["backup.directory"] = config.backup.directory.string();
    out["backup.keep"] = std::to_string(config.backup.keep);
    out["limits.free_disk"] = std::to_string(config.limits.free_disk);
    for (const auto& [label, authority] : config.authorities)
        flatten(out, authority);
    for (const auto& [name, outbound] : config.outbound)
        flatten(out, outbound);
    if (config.mpoc) flatten(out, *config.mpoc);
    if (config.mosip) flatten(out, *config.mosip);
    if (config.momo) flatten(out, *config.momo);
    if (config.mypos) flatten(out, *config.mypos);
    if (config.paycontrol) flatten(out, *config.paycontrol);
    return out;
}

std::vector<std::string> compare(const Settings& before, const Settings& after) {
    std::vector<std::string> out;
    for (const auto& [name, value] : before) {
        const auto found = after.find(name);
        if (found == after.end())
            out.push_back(name + ": " + value + " -> removed");
        else if (found->second != value)
            out.push_back(name + ": " + value + " -> " + found->second);
    }
    for (const auto& [name, value] : after) {
        if (!before.contains(name)) out.push_back(name + ": added " + value);
    }
    return out;
}

}  // namespace

std::vector<std::string> differences(const Config& before, const Config& after) {
    return compare(all_settings(before), all_settings(after));
}

std::vector<std::string> needs_restart(const Config& before, const Config& after) {
    return compare(fixed_settings(before), fixed_settings(after));
}

}  // namespace signet::config
