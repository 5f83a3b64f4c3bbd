// Message ids of events that an operator has to understand: systemd/signet.catalog explains them (journalctl -x).
#pragma once

#include <array>
#include <string_view>

namespace signet::log {

struct CatalogEntry {
    std::string_view event;
    std::string_view message_id;  // 128 bits in hex (sd_id128(3)); never changed once released
};

// Ordered by event.
inline constexpr auto kCatalog = std::to_array<CatalogEntry>({
    {"audit.checkpoint", "708a93e298b386e21610c524bfb87fbb"},
    {"audit.checkpoint.failed", "a151419415241e22be98fe01cef55044"},
    {"audit.trouble", "1137aa304de5033688560ba00701a879"},
    {"ca.alarm", "45f499f4bd6f85657ca750509b52352b"},
    {"crl.failed", "7a15fb0ff23974b85f873a07f6ff8285"},
    {"daemon.drain.cut", "1e8c60f7687b78be894958359bc3448a"},
    {"daemon.reload.needs_restart", "bd6cc3fafa376f9e813e900310bbfd79"},
    {"daemon.reload.refused", "3ac98bccb4417abb1172daca9cb9815a"},
    {"daemon.started", "ab060d94d55e2db95100272123c7015e"},
    {"database.migrated", "af63a29df232b9d51e118086400f9698"},
    {"health.not_ready", "26916fbc3ae2e417ace248ba74259e41"},
    {"health.ready", "a4fbc9793c7d5566363a3f0094ad5214"},
    {"key.unavailable", "3e2576a4791326b28252ba8923d4843c"},
    {"retention.failed", "704b48ea17c870e4c873e12614968960"},
    {"sqlite.writer.failed", "b1e41ad11728d9b41f1b2e4311594f0a"},
    {"sqlite.writer.recovered", "44626791103c8f8073e3caeacb65b461"},
    {"token.connection.refused", "aa9916e65178b2ccf61f2e7b368d614e"},
    {"token.lost", "c4414c579cdf0ae2ff366374f5e23d2b"},
    {"token.object.broken", "b9513c7987fa8eaf150a0cc8eb531303"},
    {"token.object.restored", "f9e925f980b550a023e63b2b060f1187"},
    {"token.open.failed", "b95f2e91f8d4a3d319047c325d4dbd2a"},
    {"token.pin.marker", "95fa8b9a27740a75f2d87659180c60af"},
    {"token.pin.refused", "68919a4f8a7432d85325c679de0ca976"},
    {"token.worker.hung", "9a8ab8f6cf10b88ecc7df0c5ece91b8e"},
});

}  // namespace signet::log
