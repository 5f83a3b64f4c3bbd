#include "daemon/api/mpoc/customers.h"

#include <algorithm>

#include "base/encoding.h"
#include "base/random.h"
#include "daemon/service/keys.h"
#include "sqlite/read_pool.h"

namespace signet::api::mpoc {
namespace {

constexpr std::size_t kKeyIdSize = 16;   // hex digits
constexpr std::size_t kSecretSize = 43;  // base64url of 32 bytes
constexpr std::string_view kDomain{"signet-mpoc-api-key-1\0", 22};

Bytes mac_input(std::string_view customer_id, std::string_view key) {
    std::string text(kDomain);
    text.append(customer_id).append(1, '\0').append(key);
    return to_bytes(text);
}

bool well_formed(std::string_view key) {
    return key.size() == kKeyIdSize + 1 + kSecretSize && key[kKeyIdSize] == '.' &&
           std::ranges::all_of(key.substr(0, kKeyIdSize),
                               [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

Status check_customer_id(std::string_view customer_id) {
    const bool plain = std::ranges::all_of(customer_id, [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' ||
               c == '_' || c == '-';
    });
    if (customer_id.empty() || customer_id.size() > 64 || !plain)
        return fail(ErrorCode::invalid_argument,
                    "customerId: expected 1 to 64 letters, digits, dots, underscores and hyphens");
    return {};
}

Result<NewApiKey> make_api_key(Context& context, const sqlite::MpocCustomer& customer, std::string_view note,
                               Deadline deadline) {
    auto& services = context.services;
    SIGNET_ASSIGN(const auto key, services.keys.active(context.settings().api_keys, KeyUsage::mac));
    NewApiKey out;
    out.row.key_id = to_hex(random_bytes(kKeyIdSize / 2));
    out.row.customer = customer.id;
    out.row.mac_version = key->id.version;
    out.row.note = note;
    out.row.created = services.clock.now();
    out.text = out.row.key_id + "." + to_base64url(random_bytes(32));
    SIGNET_ASSIGN(out.row.mac,
                  services.token.mac(
                      {key->id, MacAlgorithm::hs256, mac_input(customer.customer_id, out.text)}, deadline));
    return out;
}

Result<std::optional<Credentials>> check_credentials(Context& context, std::string_view customer_id,
                                                     std::string_view api_key, Deadline deadline) {
    auto& services = context.services;
    std::optional<sqlite::MpocCustomer> customer;
    std::optional<sqlite::MpocApiKey> row;
    {
        namespace store = sqlite::mpoc_customer_store;
        SIGNET_ASSIGN(const auto db, services.readers.lease());
        SIGNET_ASSIGN(customer, store::find(*db, customer_id));
        if (well_formed(api_key)) {
            SIGNET_ASSIGN(row, store::find_key(*db, api_key.substr(0, kKeyIdSize)));
        }
    }
    const bool known =
        customer && !customer->disabled && row && row->customer == customer->id && !row->revoked;
    // The token is asked in every case: how long the answer takes says nothing about what was wrong.
    SIGNET_ASSIGN(const auto key,
                  services.keys.existing(context.settings().api_keys, KeyUsage::mac,
                                         known ? std::optional(row->mac_version) : std::nullopt));
    SIGNET_ASSIGN(const bool good,
                  services.token.mac_verify(
                      {key->id, MacAlgorithm::hs256, mac_input(customer_id, api_key.substr(0, 256))},
                      known ? ByteView(row->mac) : ByteView(Bytes(32)), deadline));
    if (!known || !good) return std::nullopt;
    return Credentials{*std::move(customer), row->key_id};
}

Result<sqlite::MpocCustomer> must_find_customer(Context& context, std::string_view customer_id) {
    SIGNET_ASSIGN(const auto db, context.services.readers.lease());
    SIGNET_ASSIGN(auto customer, sqlite::mpoc_customer_store::find(*db, customer_id));
    if (!customer) return fail(ErrorCode::not_found, "there is no customer " + std::string(customer_id));
    return *std::move(customer);
}

}  // namespace signet::api::mpoc
