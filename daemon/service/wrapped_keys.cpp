#include "daemon/service/wrapped_keys.h"

#include <utility>
#include <vector>

#include "daemon/service/details.h"

namespace signet::service {

Result<WrappedKey> to_wrapped_key(const sqlite::StoredWrappedKey& row) {
    const auto algorithm = key_algorithm_from(row.algorithm);
    if (!algorithm)
        return fail(ErrorCode::internal,
                    "the wrapped key of " + row.owner +
                        " has an algorithm that this version does not know: " + row.algorithm);
    return WrappedKey{.wrapping_key = {row.wrapping_label, row.wrapping_version},
                      .binding_key = {row.binding_label, row.binding_version},
                      .binding = {row.owner, row.key_class, row.index, row.version, *algorithm,
                                  KeyUsages::from_bits(row.usages)},
                      .blob = row.blob,
                      .mac = row.mac};
}

sqlite::StoredWrappedKey to_row(const WrappedKey& key, Bytes public_key, SystemTime created) {
    return {.owner = key.binding.owner,
            .key_class = key.binding.key_class,
            .index = key.binding.index,
            .version = key.binding.version,
            .algorithm = std::string(to_string(key.binding.algorithm)),
            .usages = key.binding.usages.bits(),
            .wrapping_label = key.wrapping_key.label,
            .wrapping_version = key.wrapping_key.version,
            .binding_label = key.binding_key.label,
            .binding_version = key.binding_key.version,
            .blob = key.blob,
            .mac = key.mac,
            .public_key = std::move(public_key),
            .created = created};
}

Result<WrappedKeys::Under> WrappedKeys::under() const {
    SIGNET_ASSIGN(const auto wrap, parts_.keys.active(parts_.wrap_key, KeyUsage::wrap));
    SIGNET_ASSIGN(const auto bind, parts_.keys.active(parts_.bind_key, KeyUsage::bind));
    return Under{wrap->id, bind->id};
}

Result<sqlite::StoredWrappedKey> WrappedKeys::generate(KeyBinding binding, Deadline deadline) {
    SIGNET_ASSIGN(auto keys, under());
    SIGNET_ASSIGN(auto made, parts_.token.generate_wrapped({std::move(keys.wrapping_key),
                                                            std::move(keys.binding_key), std::move(binding)},
                                                           deadline));
    return to_row(made.key, std::move(made.public_key), parts_.clock.now());
}

Result<WrappedKey> WrappedKeys::latest(std::string_view owner, std::string_view key_class,
                                       std::uint32_t index) const {
    SIGNET_ASSIGN(const auto db, parts_.readers.lease());
    SIGNET_ASSIGN(const auto row, sqlite::wrapped_key_store::latest(*db, owner, key_class, index));
    if (!row)
        return fail(ErrorCode::not_found, std::string(owner) + " has no key of class " +
                                              std::string(key_class) + " with index " +
                                              std::to_string(index));
    return to_wrapped_key(*row);
}

Result<std::size_t> WrappedKeys::rewrap_some(const Caller& caller, std::size_t limit) {
    SIGNET_ASSIGN(const auto to, under());
    std::vector<sqlite::StoredWrappedKey> rows;
    {
        SIGNET_ASSIGN(const auto db, parts_.readers.lease());
        for (std::uint32_t version = 1; version < to.wrapping_key.version && rows.size() < limit; ++version) {
            SIGNET_ASSIGN(auto some, sqlite::wrapped_key_store::under(*db, to.wrapping_key.label, version, 0,
                                                                      limit - rows.size()));
            std::ranges::move(some, std::back_inserter(rows));
        }
    }
    if (rows.empty()) return 0;
    std::vector<std::pair<sqlite::StoredWrappedKey, sqlite::StoredWrappedKey>> changes;
    for (auto& row : rows) {
        SIGNET_ASSIGN(auto key, to_wrapped_key(row));
        SIGNET_ASSIGN(const auto moved, parts_.token.rewrap({std::move(key), to.wrapping_key, to.binding_key},
                                                            caller.deadline));
        auto after = to_row(moved, row.public_key, row.created);
        after.id = row.id;
        changes.emplace_back(std::move(row), std::move(after));
    }
    std::size_t done = 0;
    SIGNET_TRY(parts_.writer.run([&](sqlite::Transaction& transaction) -> Status {
        done = 0;
        for (const auto& [before, after] : changes) {
            const auto went = sqlite::wrapped_key_store::rewrap(transaction, before, after);
            // Erased or moved meanwhile: nothing to do.
            if (!went && went.error().code == ErrorCode::conflict) continue;
            SIGNET_TRY(went);
            ++done;
        }
        SIGNET_TRY(transaction.audit({.request_id = std::string(caller.request_id),
                                      .principal = std::string(caller.principal),
                                      .action = "wrapped.rewrap",
                                      .object = to_string(to.wrapping_key),
                                      .outcome = "ok",
                                      .details = Details().add("keys", std::uint64_t{done}).text()}));
        return {};
    }));
    return changes.size();
}

}  // namespace signet::service
